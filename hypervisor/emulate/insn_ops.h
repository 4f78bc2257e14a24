/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of operations that the decoder can name, each with the class a caller must allow before it is
 * executed. One line an operation: X(NAME, CLASS). Included through insn.h only; the order has no meaning
 * except that the eight arithmetic operations and the eight shifts and rotates stand in the order of their
 * three-bit encodings.
 */
#ifndef EMULATE_INSN_OPS_H
#define EMULATE_INSN_OPS_H

#define INSN_OPS(X)                                                                                          \
    /* The arithmetic block, in encoding order. */                                                           \
    X(ADD, ALU)                                                                                              \
    X(OR, ALU)                                                                                               \
    X(ADC, ALU)                                                                                              \
    X(SBB, ALU)                                                                                              \
    X(AND, ALU)                                                                                              \
    X(SUB, ALU)                                                                                              \
    X(XOR, ALU)                                                                                              \
    X(CMP, ALU)                                                                                              \
    /* The shift group, in encoding order; /6 is an alias of SHL. */                                         \
    X(ROL, ALU)                                                                                              \
    X(ROR, ALU)                                                                                              \
    X(RCL, ALU)                                                                                              \
    X(RCR, ALU)                                                                                              \
    X(SHL, ALU)                                                                                              \
    X(SHR, ALU)                                                                                              \
    X(SAL, ALU)                                                                                              \
    X(SAR, ALU)                                                                                              \
    X(TEST, ALU)                                                                                             \
    X(NOT, ALU)                                                                                              \
    X(NEG, ALU)                                                                                              \
    X(INC, ALU)                                                                                              \
    X(DEC, ALU)                                                                                              \
    X(MUL, ALU)                                                                                              \
    X(IMUL1, ALU)                                                                                            \
    X(IMUL, ALU)                                                                                             \
    X(DIV, ALU)                                                                                              \
    X(IDIV, ALU)                                                                                             \
    X(SHLD, ALU)                                                                                             \
    X(SHRD, ALU)                                                                                             \
    X(BT, ALU)                                                                                               \
    X(BTS, ALU)                                                                                              \
    X(BTR, ALU)                                                                                              \
    X(BTC, ALU)                                                                                              \
    X(BSF, ALU)                                                                                              \
    X(BSR, ALU)                                                                                              \
    X(TZCNT, ALU)                                                                                            \
    X(LZCNT, ALU)                                                                                            \
    X(POPCNT, ALU)                                                                                           \
    X(CRC32, ALU)                                                                                            \
    X(XADD, ALU)                                                                                             \
    X(CMPXCHG, ALU)                                                                                          \
    X(CMPXCHG8B, ALU)                                                                                        \
    X(CBW, ALU)                                                                                              \
    X(CWD, ALU)                                                                                              \
    X(DAA, ALU)                                                                                              \
    X(DAS, ALU)                                                                                              \
    X(AAA, ALU)                                                                                              \
    X(AAS, ALU)                                                                                              \
    X(AAM, ALU)                                                                                              \
    X(AAD, ALU)                                                                                              \
    X(SALC, ALU)                                                                                             \
    /* Moves. */                                                                                             \
    X(MOV, MEM_MOV)                                                                                          \
    X(MOVZX, MEM_MOV)                                                                                        \
    X(MOVSX, MEM_MOV)                                                                                        \
    X(MOVBE, MEM_MOV)                                                                                        \
    X(XCHG, MEM_MOV)                                                                                         \
    X(LEA, MEM_MOV)                                                                                          \
    X(BSWAP, MEM_MOV)                                                                                        \
    X(CMOVCC, MEM_MOV)                                                                                       \
    X(SETCC, MEM_MOV)                                                                                        \
    X(XLAT, MEM_MOV)                                                                                         \
    X(NOP, MEM_MOV)                                                                                          \
    X(PAUSE, MEM_MOV)                                                                                        \
    X(FENCE, MEM_MOV)                                                                                        \
    /* The stack and near control flow. */                                                                   \
    X(PUSH, STACK)                                                                                           \
    X(POP, STACK)                                                                                            \
    X(PUSHA, STACK)                                                                                          \
    X(POPA, STACK)                                                                                           \
    X(ENTER, STACK)                                                                                          \
    X(LEAVE, STACK)                                                                                          \
    X(JMP, BRANCH)                                                                                           \
    X(JCC, BRANCH)                                                                                           \
    X(LOOP, BRANCH)                                                                                          \
    X(JCXZ, BRANCH)                                                                                          \
    X(CALL, BRANCH)                                                                                          \
    X(RET, BRANCH)                                                                                           \
    /* Strings. */                                                                                           \
    X(MOVS, STRING)                                                                                          \
    X(CMPS, STRING)                                                                                          \
    X(STOS, STRING)                                                                                          \
    X(LODS, STRING)                                                                                          \
    X(SCAS, STRING)                                                                                          \
    /* Ports. */                                                                                             \
    X(INS, IO)                                                                                               \
    X(OUTS, IO)                                                                                              \
    X(IN, IO)                                                                                                \
    X(OUT, IO)                                                                                               \
    /* Arithmetic flags and the flags that need privilege. */                                                \
    X(CMC, FLAGS)                                                                                            \
    X(CLC, FLAGS)                                                                                            \
    X(STC, FLAGS)                                                                                            \
    X(CLD, FLAGS)                                                                                            \
    X(STD, FLAGS)                                                                                            \
    X(LAHF, FLAGS)                                                                                           \
    X(SAHF, FLAGS)                                                                                           \
    X(CLI, FLAGS_CTL)                                                                                        \
    X(STI, FLAGS_CTL)                                                                                        \
    X(PUSHF, FLAGS_CTL)                                                                                      \
    X(POPF, FLAGS_CTL)                                                                                       \
    X(CLAC, FLAGS_CTL)                                                                                       \
    X(STAC, FLAGS_CTL)                                                                                       \
    /* Privileged and serialising registers. */                                                              \
    X(CPUID, CPUID)                                                                                          \
    X(RDMSR, MSR)                                                                                            \
    X(WRMSR, MSR)                                                                                            \
    X(RDTSC, TSC)                                                                                            \
    X(RDTSCP, TSC)                                                                                           \
    X(RDPID, TSC)                                                                                            \
    X(MOV_FROM_CR, CR)                                                                                       \
    X(MOV_TO_CR, CR)                                                                                         \
    X(CLTS, CR)                                                                                              \
    X(SMSW, CR)                                                                                              \
    X(LMSW, CR)                                                                                              \
    X(MOV_FROM_DR, DR)                                                                                       \
    X(MOV_TO_DR, DR)                                                                                         \
    X(XGETBV, XCR)                                                                                           \
    X(XSETBV, XCR)                                                                                           \
    X(WBINVD, CACHE)                                                                                         \
    X(INVD, CACHE)                                                                                           \
    X(CLFLUSH, CACHE)                                                                                        \
    X(INVLPG, TLB)                                                                                           \
    /* Software interrupts and deliberate faults. */                                                         \
    X(INT3, INTERRUPT)                                                                                       \
    X(INT, INTERRUPT)                                                                                        \
    X(INTO, INTERRUPT)                                                                                       \
    X(ICEBP, INTERRUPT)                                                                                      \
    X(UD, INTERRUPT)                                                                                         \
    /* Segments. */                                                                                          \
    X(MOV_TO_SEG, SYSTEM)                                                                                    \
    X(MOV_FROM_SEG, SYSTEM)                                                                                  \
    X(PUSH_SEG, SYSTEM)                                                                                      \
    X(POP_SEG, SYSTEM)                                                                                       \
    X(RDFSBASE, SYSTEM)                                                                                      \
    X(RDGSBASE, SYSTEM)                                                                                      \
    X(WRFSBASE, SYSTEM)                                                                                      \
    X(WRGSBASE, SYSTEM)                                                                                      \
    X(HLT, SYSTEM)                                                                                           \
    /* Decoded, so that a caller can recognise them; emu_execute() answers EMU_UNHANDLED. */                 \
    X(LOAD_FAR, SYSTEM)                                                                                      \
    X(JMP_FAR, SYSTEM)                                                                                       \
    X(CALL_FAR, SYSTEM)                                                                                      \
    X(RET_FAR, SYSTEM)                                                                                       \
    X(IRET, SYSTEM)                                                                                          \
    X(SYSCALL, SYSTEM)                                                                                       \
    X(SYSRET, SYSTEM)                                                                                        \
    X(SYSENTER, SYSTEM)                                                                                      \
    X(SYSEXIT, SYSTEM)                                                                                       \
    X(SWAPGS, SYSTEM)                                                                                        \
    X(SGDT, SYSTEM)                                                                                          \
    X(SIDT, SYSTEM)                                                                                          \
    X(LGDT, SYSTEM)                                                                                          \
    X(LIDT, SYSTEM)                                                                                          \
    X(SLDT, SYSTEM)                                                                                          \
    X(STR, SYSTEM)                                                                                           \
    X(LLDT, SYSTEM)                                                                                          \
    X(LTR, SYSTEM)                                                                                           \
    X(VERR, SYSTEM)                                                                                          \
    X(VERW, SYSTEM)                                                                                          \
    X(LAR, SYSTEM)                                                                                           \
    X(LSL, SYSTEM)                                                                                           \
    X(ARPL, SYSTEM)                                                                                          \
    X(BOUND, SYSTEM)                                                                                         \
    X(RDPMC, SYSTEM)                                                                                         \
    X(RSM, SYSTEM)                                                                                           \
    X(MONITOR, SYSTEM)                                                                                       \
    X(MWAIT, SYSTEM)                                                                                         \
    X(INVPCID, SYSTEM)                                                                                       \
    X(PKRU, SYSTEM)                                                                                          \
    X(VIRT, SYSTEM)                                                                                          \
    X(SHSTK, SYSTEM)                                                                                         \
    X(XSTATE, SIMD)                                                                                          \
    X(FPU, SIMD)                                                                                             \
    X(RDRAND, SIMD)                                                                                          \
    X(TSX, SIMD)                                                                                             \
    X(SIMD, SIMD)                                                                                            \
    X(VEX, SIMD)

#endif
