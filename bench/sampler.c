// SPDX-License-Identifier: BSD-3-Clause
#include "sampler.h"

#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "figure.h"

#define SAMPLES_MAX 65536
#define SAMPLES_MIN 100	  // it goes on for longer until it has them
#define INTERVAL_S 150e-6 // the least; as much again at most
#define STACK_WORDS 6	  // a function of libc has pushed no more than that

// Of the program: where its code begins and ends.
extern char __executable_start, etext;

struct sample {
	uintptr_t at, caller; // caller: within the program, where `at` is not
};

static struct sample samples[SAMPLES_MAX];
static atomic_uint n_samples;
static pthread_t thread;

static bool is_own(uintptr_t address)
{
	return address >= (uintptr_t)&__executable_start && address < (uintptr_t)&etext;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	const ucontext_t *machine = context;
	unsigned n = atomic_fetch_add_explicit(&n_samples, 1, memory_order_relaxed);
	(void)number, (void)info;
	if (n >= SAMPLES_MAX)
		return;
	struct sample sample = {.at = (uintptr_t)machine->uc_mcontext.gregs[REG_RIP]};
	const uintptr_t *stack = (const uintptr_t *)machine->uc_mcontext.gregs[REG_RSP];
	for (int i = 0; !is_own(sample.at) && sample.caller == 0 && i < STACK_WORDS; i++) {
		if (is_own(stack[i]))
			sample.caller = stack[i] - 1; // within the call, not behind it
	}
	samples[n] = sample;
}

bool sampler_init(pthread_t worker)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	thread = worker;
	return sigaction(SIGPROF, &action, NULL) == 0;
}

static bool add(struct parts *parts, const struct sample *sample)
{
	Dl_info library;
	uintptr_t start = (uintptr_t)&__executable_start;
	if (is_own(sample->at))
		return parts_add(parts, sample->at - start, 1);
	const char *name =
		dladdr((void *)sample->at, &library) && library.dli_fname ? library.dli_fname : "";
	if (strstr(name, "libhs."))
		parts_add_to(parts, PART_match, 1);
	else if (strstr(name, "net_pcap"))
		parts_add_to(parts, PART_receive, 1);
	else if (sample->caller)
		return parts_add(parts, sample->caller - start, 1);
	else // what Hyperscan has called has its frames, which hide who has called
		parts_add_to(parts, PART_other, 1);
	return true;
}

static void take_samples(double seconds)
{
	double end = figure_now_s() + seconds, give_up = end + 20 * seconds;
	unsigned seed = 1;
	atomic_store(&n_samples, 0);
	while (figure_now_s() < end ||
		(atomic_load(&n_samples) < SAMPLES_MIN && figure_now_s() < give_up)) {
		pthread_kill(thread, SIGPROF);
		seed = seed * 1103515245 + 12345;
		figure_wait(INTERVAL_S * (1 + (double)(seed >> 16 & 1023) / 1023));
	}
}

bool sampler_run(double seconds, double shares[PART_MAX])
{
	char program[PATH_MAX] = "";
	struct parts *parts = parts_create();
	take_samples(seconds);
	unsigned n = atomic_load(&n_samples);
	n = n < SAMPLES_MAX ? n : SAMPLES_MAX;
	bool ok = parts && n && readlink("/proc/self/exe", program, sizeof(program) - 1) > 0;
	for (unsigned i = 0; ok && i < n; i++)
		ok = add(parts, &samples[i]);
	ok = ok && parts_sum(parts, program, shares);
	for (int part = 0; ok && part < PART_MAX; part++)
		shares[part] /= n;
	parts_destroy(parts);
	return ok;
}
