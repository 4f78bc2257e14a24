/* SPDX-License-Identifier: MIT */
/*
 * How the schema is written. A structure is a macro ABI_FIELDS_NAME(f, s) that calls f(s, KIND, ...) for each
 * member, in the order of the 32-bit layout (and of the 64-bit one where the decoded form is made from it):
 *
 *   SAME(type, member)            laid out alike by both widths; SAMES(type, member, count): an array
 *   WIDE(member)                  a uint64_t that only -m64 aligns to eight bytes; WIDES(member, count)
 *   WORD(member)                  an unsigned long, or a union of words: 32 bits that become 64 with zeros in front; WORDS(member, count)
 *   SHORT(member)                 16 bits that are 32 with -m64
 *   HANDLE(member)                a guest handle
 *   HANDLE8(member)               a union of a handle and a uint64_t
 *   LOW(member, word), HIGH(...)  32 bits that are one half of the decoded form's `word`
 *   SUB(structure, member)        a structure that has a schema; SUBS(structure, member, count)
 *   UNION(member, on, bytes, CASES)   one case is meant: the discriminator is `bytes` bytes from member `on`
 *
 * The cases of a union are a macro CASES(on, also, member, s, u):
 *   on(s, u, mask, value, KIND, ...)      a member, and when it is meant: (discriminator & mask) == value. The first that fits
 *   also(s, u, mask, value, KIND, ...)    one more value for a member that is there
 *   member(s, u, KIND, ...)               a member that is never meant: for its size
 *
 * A list ABI_STRUCTURES_x(plain, handles, part, layout, choice) names a file's structures, inner ones first:
 *   plain    the decoded form is the header's own structure
 *   handles  the decoded form is struct abi_NAME: the header's 64-bit form with abi_handle_t for handles and uint64_t for unions of words
 *   part     as `handles`, for what has no name in the headers
 *   layout   only the wire form, struct abi32_NAME: for what is not copied, but lies in shared memory, or is taken apart elsewhere
 *   choice   a union, as `layout` and with a decoded form, for a case of a case
 */
