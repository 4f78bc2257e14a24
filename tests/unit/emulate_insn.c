/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder against a table of encodings; truncation; operands. */
// UNIT-SOURCES: hypervisor/emulate/[a-z]*.c
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "emulate/insn.h"

struct encoding {
    const char *text;
    uint8_t mode;
    uint8_t status;
    uint8_t op;
    uint8_t length;
    uint8_t bytes[16];
};

#define M16 INSN_MODE_16
#define M32 INSN_MODE_32
#define M64 INSN_MODE_64
#define OK(mode, op, length, text, ...)                                                                      \
    {                                                                                                        \
        text, mode, INSN_OK, INSN_OP_##op, length,                                                           \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define UNDEFINED(mode, length, text, ...)                                                                   \
    {                                                                                                        \
        text, mode, INSN_UNDEFINED, 0, length,                                                               \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const struct encoding encodings[] = {
    OK(M64, MOV, 3, "mov %rax,(%rdi)", 0x48, 0x89, 0x07),
    OK(M64, MOV, 10, "movabs $imm64,%rax", 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8),
    OK(M64, MOV, 9, "movabs moffs64,%al", 0xa0, 1, 2, 3, 4, 5, 6, 7, 8),
    OK(M64, MOV, 6, "addr32 mov moffs32,%al", 0x67, 0xa0, 1, 2, 3, 4),
    OK(M16, MOV, 3, "mov moffs16,%al", 0xa0, 1, 2),
    OK(M64, MOV, 9, "movw $imm16,disp32(%rip)", 0x66, 0xc7, 0x05, 1, 2, 3, 4, 5, 6),
    OK(M64, MOV, 12, "movq $imm32,disp32(,%r12,8)", 0x4a, 0xc7, 0x04, 0xe5, 1, 2, 3, 4, 5, 6, 7, 8),
    OK(M64, MOVSX, 3, "movslq %eax,%rax", 0x48, 0x63, 0xc0),
    OK(M32, ARPL, 2, "arpl %ax,%ax", 0x63, 0xc0),
    OK(M64, MOVBE, 5, "movbe (%rax),%rcx", 0x48, 0x0f, 0x38, 0xf0, 0x08),
    OK(M64, CRC32, 6, "crc32 %rcx,%rax", 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0xc1),
    OK(M64, CMPXCHG8B, 5, "lock cmpxchg16b (%rdi)", 0xf0, 0x48, 0x0f, 0xc7, 0x0f),
    OK(M64, NOP, 4, "endbr64", 0xf3, 0x0f, 0x1e, 0xfa),
    OK(M64, PAUSE, 2, "pause", 0xf3, 0x90),
    OK(M64, XCHG, 2, "xchg %r8d,%eax", 0x41, 0x90),
    OK(M64, TZCNT, 4, "tzcnt %eax,%ecx", 0xf3, 0x0f, 0xbc, 0xc8),
    OK(M64, BSF, 3, "bsf %eax,%ecx", 0x0f, 0xbc, 0xc8),
    OK(M64, MOV_TO_CR, 3, "mov %rax,%cr3", 0x0f, 0x22, 0xd8),
    OK(M64, MOV_FROM_CR, 4, "mov %cr8,%rax", 0x44, 0x0f, 0x20, 0xc0),
    OK(M64, MOV_TO_CR, 3, "mov %rax,%cr0 with a memory form of ModRM", 0x0f, 0x22, 0x00),
    OK(M64, MOV_TO_DR, 3, "mov %rax,%db7", 0x0f, 0x23, 0xf8),
    OK(M64, INVLPG, 3, "invlpg (%rax)", 0x0f, 0x01, 0x38),
    OK(M64, SWAPGS, 3, "swapgs", 0x0f, 0x01, 0xf8),
    OK(M64, RDTSCP, 3, "rdtscp", 0x0f, 0x01, 0xf9),
    OK(M64, XSETBV, 3, "xsetbv", 0x0f, 0x01, 0xd1),
    OK(M64, LGDT, 3, "lgdt (%rax)", 0x0f, 0x01, 0x10),
    OK(M64, IRET, 2, "iretq", 0x48, 0xcf),
    OK(M64, RDFSBASE, 5, "rdfsbase %rax", 0xf3, 0x48, 0x0f, 0xae, 0xc0),
    OK(M64, FENCE, 3, "mfence", 0x0f, 0xae, 0xf0),
    OK(M64, CLFLUSH, 4, "clwb (%rax)", 0x66, 0x0f, 0xae, 0x30),
    OK(M64, UD, 2, "ud2", 0x0f, 0x0b),
    OK(M64, JCC, 7, "data16 jne rel32", 0x66, 0x0f, 0x85, 1, 2, 3, 4),
    OK(M32, JCC, 5, "data16 jne rel16", 0x66, 0x0f, 0x85, 1, 2),
    OK(M32, LOAD_FAR, 2, "les (%eax),%eax", 0xc4, 0x00),
    OK(M32, BOUND, 2, "bound %eax,(%eax)", 0x62, 0x00),
    OK(M32, CALL_FAR, 7, "lcall $2:$1", 0x9a, 1, 0, 0, 0, 2, 0),
    OK(M16, JMP_FAR, 5, "ljmp $2:$1", 0xea, 1, 0, 2, 0),
    OK(M16, MOV, 4, "mov disp16(%bp,%si),%ax", 0x8b, 0x82, 1, 2),
    OK(M16, MOV, 8, "mov disp32(%eax),%eax", 0x66, 0x67, 0x8b, 0x80, 1, 2, 3, 4),
    OK(M64, VEX, 4, "vmovdqu (%rax),%ymm0", 0xc5, 0xfe, 0x6f, 0x00),
    OK(M64, VEX, 3, "vzeroupper", 0xc5, 0xf8, 0x77),
    OK(M64, VEX, 6, "rorx $1,(%rax),%eax", 0xc4, 0xe3, 0x7b, 0xf0, 0x00, 1),
    OK(M64, VEX, 6, "vmovdqu64 (%rax),%zmm0", 0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x00),
    OK(M64, SIMD, 4, "movdqu (%rax),%xmm0", 0xf3, 0x0f, 0x6f, 0x00),
    OK(M64, SIMD, 6, "palignr $1,%xmm0,%xmm0", 0x66, 0x0f, 0x3a, 0x0f, 0xc0, 1),
    OK(M64, ENTER, 4, "enter $2,$1", 0xc8, 2, 0, 1),
    OK(M64, POP, 4, "pop 8(%rsp)", 0x8f, 0x44, 0x24, 8),
    OK(M64, ADD, 15, "fourteen bytes of prefixes are none too many", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
       0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x04, 1),
    {"sixteen bytes",
     M64,
     INSN_TOO_LONG,
     0,
     15,
     {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x04, 1}},
    UNDEFINED(M64, 3, "lock mov", 0xf0, 0x89, 0x07),
    UNDEFINED(M64, 3, "lock add %eax,%ecx", 0xf0, 0x01, 0xc1),
    UNDEFINED(M64, 3, "lock add (%rax),%ecx", 0xf0, 0x03, 0x08),
    UNDEFINED(M64, 4, "lock cmp $1,(%rax)", 0xf0, 0x83, 0x38, 1),
    UNDEFINED(M64, 5, "lock bt $1,(%rax)", 0xf0, 0x0f, 0xba, 0x20, 1),
    UNDEFINED(M64, 3, "lock rep movsb", 0xf0, 0xf3, 0xa4),
    UNDEFINED(M64, 1, "push %es in 64-bit mode", 0x06),
    UNDEFINED(M64, 1, "pusha in 64-bit mode", 0x60),
    UNDEFINED(M64, 1, "aaa in 64-bit mode", 0x37),
    UNDEFINED(M64, 2, "lea of a register", 0x8d, 0xc0),
    UNDEFINED(M64, 2, "mov to %cs", 0x8e, 0xc8),
    UNDEFINED(M64, 2, "mov to segment 6", 0x8e, 0xf0),
    UNDEFINED(M64, 3, "mov %rax,%cr1", 0x0f, 0x22, 0xc8),
    UNDEFINED(M64, 4, "mov %rax,%dr8", 0x44, 0x0f, 0x23, 0xc0),
    UNDEFINED(M32, 3, "swapgs outside 64-bit mode", 0x0f, 0x01, 0xf8),
    UNDEFINED(M64, 2, "ff /7", 0xff, 0xf8),
    UNDEFINED(M64, 4, "rex before vex", 0x48, 0xc5, 0xf8, 0x77),
};

static void test_encodings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        const struct encoding *e = &encodings[i];
        struct insn insn;
        enum insn_status status = insn_decode(&insn, e->bytes, sizeof(e->bytes), (enum insn_mode)e->mode);

        if (status != e->status || (status == INSN_OK && (insn.op != e->op || insn.length != e->length))) {
            fail_msg("%s: status %u, operation %u, length %u", e->text, status, insn.op, insn.length);
        }
    }
}

/* Given fewer bytes than an instruction has, the answer is that, whatever the missing ones are; and none of them is looked at. */
static void test_truncation(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        const struct encoding *e = &encodings[i];

        for (unsigned length = 0; length < e->length && e->status == INSN_OK; length++) {
            uint8_t *exact = test_malloc(length + 1); /* so that the sanitizer sees one byte too many */
            struct insn insn;

            memcpy(exact + 1, e->bytes, length);
            assert_int_equal(insn_decode(&insn, exact + 1, length, (enum insn_mode)e->mode), INSN_TRUNCATED);
            test_free(exact);
        }
    }
}

static void test_operands(void **state)
{
    static const uint8_t store[] = {0x65, 0x4a, 0x89, 0x4c, 0xe5, 0xf8}; /* mov %rcx,%gs:-8(%rbp,%r12,8) */
    static const uint8_t high[] = {0x88, 0x27};                          /* mov %ah,(%rdi) */
    static const uint8_t ignored[] = {0x64, 0x2e, 0x8b, 0x00};           /* fs cs mov (%rax),%eax */
    struct insn insn;

    (void)state;
    assert_int_equal(insn_decode(&insn, store, sizeof(store), M64), INSN_OK);
    assert_int_equal(insn.operand[0].kind, INSN_OPERAND_MEM);
    assert_int_equal(insn.operand[0].size, 8);
    assert_int_equal(insn.operand[1].kind, INSN_OPERAND_REG);
    assert_int_equal(insn.operand[1].reg, INSN_RCX);
    assert_int_equal(insn.mem.seg, INSN_SEG_GS);
    assert_int_equal(insn.mem.base, INSN_RBP);
    assert_int_equal(insn.mem.index, 12);
    assert_int_equal(insn.mem.scale, 8);
    assert_int_equal(insn.mem.disp, -8);
    assert_int_equal(insn_decode(&insn, high, sizeof(high), M64), INSN_OK);
    assert_int_equal(insn.operand[1].reg, INSN_RAX | INSN_REG_HIGH);
    assert_int_equal(insn_decode(&insn, ignored, sizeof(ignored), M64), INSN_OK);
    assert_int_equal(insn.mem.seg, INSN_SEG_FS);
    assert_int_equal(insn_decode(&insn, ignored, sizeof(ignored), M32), INSN_OK);
    assert_int_equal(insn.mem.seg, INSN_SEG_CS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_operands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
