# The demo: domain 0 on this terminal. `make run HYPERVISOR=build/oracle/xen` shows the same on Debian's Xen.
HYPERVISOR ?= $(B)/xenios
RUN_MEMORY ?= 1024
RUN_SMP ?= 2
RUN_ARGS ?= -nic user,model=virtio-net-pci

run:
	$(Q)tools/install-packages build run
	$(Q)$(MAKE) --no-print-directory run-demo

run-demo: all $(HYPERVISOR)
	@echo "Booting $(HYPERVISOR) with Debian's kernel as domain 0. 'poweroff' inside ends it, and so does Ctrl-A x."
	$(Q)qemu-system-x86_64 -accel tcg -m $(RUN_MEMORY) -smp $(RUN_SMP) -nographic -no-reboot -kernel $(HYPERVISOR) \
	    -append "console=com1 com1=115200 dom0_mem=512M" -initrd "$(B)/vmlinuz console=hvc0,$(B)/dom0.cpio.gz" $(RUN_ARGS)
.PHONY: run run-demo
