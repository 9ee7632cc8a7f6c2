// SPDX-License-Identifier: MIT
// The simulator's command line: runs seeds, on several processors, and tells what failed and how to see it again.
#include "keyd/crypto/alg.h"
#include "tests/sim/scenario.h"
#include "tests/sim/shrink.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
#define FAILURES_TOLD 10	/* of each process */

static struct options {
	uint64_t first, seeds;
	const struct scenario *scenario;	/* NULL: all take turns */
	enum bug bug;
	bool trace, shrink, verbose, ikev1;
	unsigned jobs;
	struct cut cut;
} opt = { .first = 1, .seeds = 100, .jobs = 1 };

struct totals {
	uint64_t seeds, failed, violations[VIOLATIONS];
	struct verdict sum;
};

static const char usage[] =
	"usage: sim [OPTION]...\n"
	"Runs the engine of several hosts in simulated time, and checks that keying loses no packet.\n"
	"  --seeds N          so many runs (100)\n"
	"  --seed S           the first of them has this seed (1); alone: this one\n"
	"  --scenario NAME    this kind of trouble; without it all take turns\n"
	"  --bug NAME         plants a mistake, which must be found\n"
	"  --ikev1            they speak IKEv1\n"
	"  --trace            tells what happens in each run\n"
	"  --shrink           makes the first run that fails short, and tells what happens in it\n"
	"  --only LIST        of the plan's ops these alone: 0,3\n"
	"  --without LIST     leaves out: ";

static const char usage_end[] =
	"\n"
	"  --ikev1            they speak IKEv1\n"
	"  --jobs N, -j N     so many processes (1); 0: one a processor\n"
	"  --verbose, -v      counts of packets and rekeys\n"
	"  --list             scenarios and bugs\n"
	"  --help             this\n"
	"The last line sums up. Exit status: 0 nothing was found, 1 something was, 2 wrong usage.\n";

static void list(void)
{
	printf("scenarios:\n");
	for (unsigned i = 0; i < nscenarios; i++)
		printf("  %-18s %s%s\n", scenarios[i].name, scenarios[i].what, scenarios[i].alone ? " (only by name)" : "");
	printf("bugs:\n");
	for (int i = BUG_NONE + 1; i < BUGS; i++)
		printf("  %-18s %s; found in scenario %s\n", bugs[i].name, bugs[i].what, bugs[i].scenario);
}

static void replay(uint64_t seed, const struct scenario *s, const struct cut *c, const struct plan *p, FILE *out)
{
	fprintf(out, "build/tests/sim --seed %llu --scenario %s", (unsigned long long)seed, s->name);
	if (opt.ikev1)
		fprintf(out, " --ikev1");
	if (opt.bug != BUG_NONE)
		fprintf(out, " --bug %s", bugs[opt.bug].name);
	cut_print(c, p, out);
	fprintf(out, " --trace\n");
}

static void add(struct totals *t, const struct verdict *v)
{
	uint64_t *sum[] = { &t->sum.rekeys, &t->sum.ike_rekeys, &t->sum.sent, &t->sum.delivered, &t->sum.by_link,
			    &t->sum.forgotten, &t->sum.refused, &t->sum.held, &t->sum.datagrams, &t->sum.dead, &t->sum.restarts };
	const uint64_t one[] = { v->rekeys, v->ike_rekeys, v->sent, v->delivered, v->by_link, v->forgotten, v->refused,
				 v->held, v->datagrams, v->dead, v->restarts };

	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		*sum[i] += one[i];
	for (int i = 0; i < VIOLATIONS; i++)
		t->violations[i] += v->violations[i];
	t->seeds++;
	t->failed += !verdict_clean(v);
}

static void tell_failure(const struct plan *whole, const struct verdict *v)
{
	printf("seed %llu, scenario %s: %s at %.6f s: %s\n  ", (unsigned long long)whole->seed, whole->scenario->name,
	       violation_name(v->first_kind), (double)v->first_at / 1e6, v->first);
	replay(whole->seed, whole->scenario, &opt.cut, whole, stdout);
}

static void tell_shrunk(const struct plan *whole, const struct verdict *v)
{
	struct plan p = *whole;
	struct cut c = opt.cut;
	struct verdict again;
	unsigned runs = shrink(whole, v, &c);

	printf("shrunk by %u runs: ", runs);
	replay(whole->seed, whole->scenario, &c, whole, stdout);
	cut_apply(&c, &p);
	plan_print(&p, stdout);
	sim_run(&p, stdout, &again);
}

static void run_seed(uint64_t seed, struct totals *t)
{
	const struct scenario *s = opt.scenario ? opt.scenario : scenario_for(seed);
	struct plan whole, p;
	struct verdict v;

	scenario_plan(s, seed, &whole);
	whole.ikev1 = opt.ikev1;
	whole.bug = opt.bug;
	p = whole;
	cut_apply(&opt.cut, &p);
	if (opt.trace)
		plan_print(&p, stdout);
	sim_run(&p, opt.trace ? stdout : NULL, &v);
	add(t, &v);
	if (verdict_clean(&v))
		return;
	if (t->failed <= FAILURES_TOLD)
		tell_failure(&whole, &v);
	if (opt.shrink && t->failed == 1)
		tell_shrunk(&whole, &v);
}

/* Every jobs-th seed. */
static void run_share(unsigned share, struct totals *t)
{
	if (crypto_init()) {
		fprintf(stderr, "sim: OpenSSL cannot be used\n");
		exit(2);
	}
	for (uint64_t i = share; i < opt.seeds; i += opt.jobs)
		run_seed(opt.first + i, t);
	crypto_exit();
	fflush(stdout);
}

/* A process for each share; its sums come back through a pipe. False: one of them died. */
static bool run_shares(struct totals *t)
{
	int in[JOBS_MAX];
	bool ok = true;

	for (unsigned i = 0; i < opt.jobs; i++) {
		int p[2];
		pid_t pid = pipe(p) ? -1 : fork();

		if (pid < 0) {
			perror("sim");
			exit(2);
		}
		if (!pid) {
			struct totals mine = { 0 };

			run_share(i, &mine);
			_exit(write(p[1], &mine, sizeof(mine)) == sizeof(mine) ? 0 : 1);
		}
		close(p[1]);
		in[i] = p[0];
	}
	for (unsigned i = 0; i < opt.jobs; i++) {
		struct totals one;
		int status;

		if (read(in[i], &one, sizeof(one)) != sizeof(one)) {
			ok = false;
			continue;
		}
		close(in[i]);
		t->seeds += one.seeds - 1;
		t->failed += one.failed;
		for (int k = 0; k < VIOLATIONS; k++)
			one.sum.violations[k] = one.violations[k];
		add(t, &one.sum);
		t->failed -= !verdict_clean(&one.sum);
		wait(&status);
	}
	return ok;
}

static void tell_totals(const struct totals *t)
{
	const struct verdict *s = &t->sum;

	if (opt.verbose)
		printf("rekeys of children %llu, of IKE SAs %llu; packets sent %llu, delivered %llu, lost by the network %llu, for "
		       "forgotten SAs %llu, held %llu, refused %llu; datagrams %llu, peers given up %llu, restarts %llu\n",
		       (unsigned long long)s->rekeys / 2, (unsigned long long)s->ike_rekeys / 2, (unsigned long long)s->sent,
		       (unsigned long long)s->delivered, (unsigned long long)s->by_link, (unsigned long long)s->forgotten,
		       (unsigned long long)s->held, (unsigned long long)s->refused, (unsigned long long)s->datagrams,
		       (unsigned long long)s->dead, (unsigned long long)s->restarts);
	printf("seeds=%llu rekeys=%llu lost=%llu cleartext=%llu stuck=%llu leaked=%llu\n", (unsigned long long)t->seeds,
	       (unsigned long long)(s->rekeys + s->ike_rekeys) / 2, (unsigned long long)t->violations[LOST],
	       (unsigned long long)t->violations[CLEARTEXT], (unsigned long long)t->violations[STUCK],
	       (unsigned long long)t->violations[LEAKED]);
}

/* --- the command line --- */

enum { SEEDS = 256, SEED, SCENARIO, BUG, IKEV1, TRACE, SHRINK, ONLY, WITHOUT, LIST, HELP };

static const struct option longs[] = {
	{ "seeds", required_argument, NULL, SEEDS }, { "seed", required_argument, NULL, SEED },
	{ "scenario", required_argument, NULL, SCENARIO }, { "bug", required_argument, NULL, BUG }, { "ikev1", no_argument, NULL, IKEV1 },
	{ "trace", no_argument, NULL, TRACE }, { "shrink", no_argument, NULL, SHRINK },
	{ "only", required_argument, NULL, ONLY }, { "without", required_argument, NULL, WITHOUT },
	{ "jobs", required_argument, NULL, 'j' }, { "verbose", no_argument, NULL, 'v' },
	{ "list", no_argument, NULL, LIST }, { "help", no_argument, NULL, HELP }, { NULL, 0, NULL, 0 },
};

static void __attribute__((noreturn)) wrong(const char *what, const char *value)
{
	fprintf(stderr, "sim: %s: %s; --help and --list tell what there is\n", what, value);
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-')
		wrong("no number", text);
	return n;
}

static void take_scenario(const char *name)
{
	opt.scenario = scenario_by_name(name);
	if (!opt.scenario)
		wrong("no such scenario", name);
}

static void take_bug(const char *name)
{
	opt.bug = bug_by_name(name);
	if (opt.bug == BUGS)
		wrong("no such bug", name);
}

static void take_jobs(const char *text)
{
	uint64_t n = number(text);
	long there = sysconf(_SC_NPROCESSORS_ONLN);

	opt.jobs = n ? (unsigned)(n < JOBS_MAX ? n : JOBS_MAX) : there > 0 && there < JOBS_MAX ? (unsigned)there : 1;
}

static void __attribute__((noreturn)) help(void)
{
	fputs(usage, stdout);
	cut_print_names(stdout);
	fputs(usage_end, stdout);
	exit(0);
}

static void take(int c, bool *alone)
{
	switch (c) {
	case SEEDS: opt.seeds = number(optarg); *alone = false; break;
	case SEED: opt.first = number(optarg); break;
	case SCENARIO: take_scenario(optarg); break;
	case BUG: take_bug(optarg); break;
	case IKEV1: opt.ikev1 = true; break;
	case TRACE: opt.trace = true; break;
	case SHRINK: opt.shrink = true; break;
	case ONLY:
		if (cut_only(&opt.cut, optarg))
			wrong("no list of ops", optarg);
		break;
	case WITHOUT:
		if (cut_without(&opt.cut, optarg))
			wrong("what is this", optarg);
		break;
	case 'j': take_jobs(optarg); break;
	case 'v': opt.verbose = true; break;
	case LIST: list(); exit(0);
	case HELP: help();
	default: fprintf(stderr, "sim: --help tells how it is used\n"); exit(2);
	}
}

int main(int argc, char **argv)
{
	struct totals t = { 0 };
	bool alone = true, ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "j:v", longs, NULL)) != -1)
		take(c, &alone);
	if (optind < argc)
		wrong("unexpected", argv[optind]);
	for (int i = 1; alone && i < argc; i++)
		if (!strncmp(argv[i], "--seed", 6))
			opt.seeds = 1;
	if (opt.jobs > opt.seeds)
		opt.jobs = opt.seeds ? (unsigned)opt.seeds : 1;
	if (opt.jobs > 1)
		ok = run_shares(&t);
	else
		run_share(0, &t);
	if (!ok)
		printf("sim: a process died\n");
	tell_totals(&t);
	return ok && !t.failed ? 0 : 1;
}
