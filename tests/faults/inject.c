/* inject.c - every system call for input and output, libc's own ones too, passes here.
 *
 * A seccomp filter turns them into a signal, SIGSYS; its handler makes the call in
 * the program's stead, or says that it has failed. The one system call instruction
 * that the handler uses is told apart by its address. */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

long inject_raw_call(long number, long a, long b, long c, long d, long e, long f);
extern const char inject_raw_return[]; /* behind its system call instruction */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
__asm__(".text\n.globl inject_raw_call\n.type inject_raw_call, @function\ninject_raw_call:\n"
	"mov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\n"
	"mov %r9, %r8\nmov 8(%rsp), %r9\nsyscall\n"
	".globl inject_raw_return\ninject_raw_return:\nret\n");

static long
argument(const ucontext_t *context, int index)
{
	static const int registers[] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9 };

	return (long)context->uc_mcontext.gregs[registers[index]];
}

static void
set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
__asm__(".text\n.globl inject_raw_call\n.type inject_raw_call, %function\ninject_raw_call:\n"
	"mov x8, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\n"
	"svc #0\n"
	".globl inject_raw_return\ninject_raw_return:\nret\n");

static long
argument(const ucontext_t *context, int index)
{
	return (long)context->uc_mcontext.regs[index];
}

static void
set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.regs[0] = (unsigned long long)result;
}
#else
#error "say here how this processor makes system calls"
#endif

/* --- which calls -------------------------------------------------------------- */

enum trait {
	READS = 1 << 0,	      /* may transfer less than its third argument */
	WRITES = 1 << 1,      /* likewise */
	TAKES_SPACE = 1 << 2, /* fails on a full disk */
	ALWAYS_DONE = 1 << 3, /* the call is made even if it fails */
};

struct call {
	long number;
	int traits;
};

static const struct call calls[] = {
	{ SYS_read, READS },
	{ SYS_pread64, READS },
	{ SYS_write, WRITES | TAKES_SPACE },
	{ SYS_pwrite64, WRITES | TAKES_SPACE },
	{ SYS_writev, TAKES_SPACE },
	{ SYS_copy_file_range, TAKES_SPACE },
	{ SYS_fallocate, TAKES_SPACE },
	{ SYS_ftruncate, 0 },
	{ SYS_fsync, TAKES_SPACE },
	{ SYS_fdatasync, TAKES_SPACE },
	{ SYS_close, ALWAYS_DONE },
	{ SYS_openat, 0 },
	{ SYS_openat2, 0 },
	{ SYS_fstat, 0 },
	{ SYS_newfstatat, 0 },
	{ SYS_statx, 0 },
	{ SYS_lseek, 0 },
	{ SYS_fcntl, 0 },
	{ SYS_dup, 0 },
	{ SYS_dup3, 0 },
	{ SYS_memfd_create, 0 },
	{ SYS_getdents64, 0 },
	{ SYS_getrandom, 0 },
	{ SYS_readlinkat, 0 },
	{ SYS_faccessat, 0 },
	{ SYS_faccessat2, 0 },
	{ SYS_mkdirat, TAKES_SPACE },
	{ SYS_linkat, TAKES_SPACE },
	{ SYS_unlinkat, 0 },
	{ SYS_renameat, TAKES_SPACE },
	{ SYS_renameat2, TAKES_SPACE },
	{ SYS_fchmod, 0 },
#if defined(__x86_64__) /* younger processors have only the calls above */
	{ SYS_open, 0 },
	{ SYS_stat, 0 },
	{ SYS_lstat, 0 },
	{ SYS_dup2, 0 },
	{ SYS_readlink, 0 },
	{ SYS_access, 0 },
	{ SYS_mkdir, TAKES_SPACE },
	{ SYS_link, TAKES_SPACE },
	{ SYS_unlink, 0 },
	{ SYS_rename, TAKES_SPACE },
#endif
};

enum { CALLS = sizeof calls / sizeof *calls };

static struct call_plan *plan;

static int
traits_of(long number)
{
	for (int i = 0; i < CALLS; i++)
		if (calls[i].number == number)
			return calls[i].traits;
	return 0;
}

/* --- the calls ------------------------------------------------------------------- */

static long
make(long number, const long *a)
{
	/* Whether the disk has it only counts when the machine crashes. */
	if (number == SYS_fsync || number == SYS_fdatasync)
		return 0;
	return inject_raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What a poor file system answers; 0: as any other. */
static long
refused(long number, const long *a)
{
	switch (number) {
	case SYS_openat:
		return (a[2] & O_TMPFILE) == O_TMPFILE ? -EOPNOTSUPP : 0;
	case SYS_openat2:
		return -ENOSYS;
	case SYS_linkat:
		return -EPERM;
	case SYS_fallocate:
		return -EOPNOTSUPP;
	default:
		return 0;
	}
}

static bool
counts(int traits)
{
	switch (plan->injection) {
	case INJECT_FULL_DISK:
		return traits & TAKES_SPACE;
	case INJECT_INTERRUPTED:
	case INJECT_SHORT:
		return traits & (READS | WRITES);
	default:
		return true;
	}
}

static long
fail(long number, int traits, const long *a)
{
	static const int errors[] = {
		[INJECT_FAILURE] = EIO, [INJECT_FULL_DISK] = ENOSPC, [INJECT_INTERRUPTED] = EINTR
	};
	long fewer[6];

	if (number == SYS_write && a[0] == STDERR_FILENO && plan->injection != INJECT_SHORT)
		plan->lost_diagnostics = true;
	if (plan->injection == INJECT_SIGNAL) {
		(void)inject_raw_call(SYS_kill, inject_raw_call(SYS_getpid, 0, 0, 0, 0, 0, 0),
				      plan->signal, 0, 0, 0, 0);
		return make(number, a);
	}
	if (plan->injection == INJECT_SHORT) {
		memcpy(fewer, a, sizeof fewer);
		fewer[2] = a[2] > 0;
		return make(number, fewer);
	}
	if (traits & ALWAYS_DONE)
		(void)make(number, a);
	return -errors[plan->injection];
}

static long
call(long number, const long *a)
{
	int traits = traits_of(number);
	long answer = plan->poor ? refused(number, a) : 0;

	if (answer)
		return answer;
	if (!counts(traits))
		return make(number, a);
	plan->seen++;
	if (plan->left < 0)
		return make(number, a);
	if (plan->left > 0) {
		plan->left--;
		return make(number, a);
	}
	if (plan->injection != INJECT_FULL_DISK)
		plan->left = -1;
	return fail(number, traits, a);
}

static void
on_call(int signal, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	long arguments[6];

	(void)signal;
	for (int i = 0; i < 6; i++)
		arguments[i] = argument(context, i);
	set_result(context, call(info->si_syscall, arguments));
}

/* --- the filter -------------------------------------------------------------------- */

#define LOAD(member)                                                                               \
	(struct sock_filter)                                                                       \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define SKIP_UNLESS(value, count)                                                                  \
	(struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define ANSWER(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (value))

static bool
install_filter(void)
{
	uint64_t address = (uint64_t)(uintptr_t)inject_raw_return;
	struct sock_filter filter[2 * CALLS + 16];
	struct sock_fprog program = { .filter = filter };
	unsigned short n = 0;

	filter[n++] = LOAD(arch);
	filter[n++] = SKIP_UNLESS(ARCHITECTURE, 4);
	filter[n++] = LOAD(instruction_pointer);
	filter[n++] = SKIP_UNLESS((uint32_t)address, 3);
	filter[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4);
	filter[n++] = SKIP_UNLESS((uint32_t)(address >> 32), 1);
	filter[n++] = ANSWER(SECCOMP_RET_ALLOW);
	filter[n++] = LOAD(nr);
	for (int i = 0; i < CALLS; i++) {
		filter[n++] = SKIP_UNLESS((uint32_t)calls[i].number, 1);
		filter[n++] = ANSWER(SECCOMP_RET_TRAP);
	}
	filter[n++] = ANSWER(SECCOMP_RET_ALLOW);
	program.len = n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void
inject_as(struct call_plan *other)
{
	plan = other;
}

bool
inject_calls(struct call_plan *shared)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	plan = shared;
	action.sa_sigaction = on_call;
	return sigaction(SIGSYS, &action, NULL) == 0 && install_filter();
}
