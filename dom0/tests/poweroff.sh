# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing: reaching /init and powering off again is the test.
:
