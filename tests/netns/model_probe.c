// SPDX-License-Identifier: MIT
/*
 * The simulator's model of a kernel against the real one: the same scripts for both, and what they answer must be the same.
 * Writes TAP, one point for each script.
 *
 * usage: model_probe NS_A NS_B [SCRIPT…]
 *
 * NS_A and NS_B are files of network namespaces in which the interface tun0 has 192.0.2.1 and 192.0.2.2 (tests/netns/test_model.sh).
 * The kernel goes first. The model is then told to do each thing at the time at which the kernel did it, so that a slow
 * machine changes nothing.
 */
#include "tests/netns/model_probe_run.h"

#include "tests/lib/tap.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define APART (SECOND / 5)		/* between the two when they wait for the same: a kernel counts in ticks, */
#define LATE 8				/* and its timers may come an eighth of their time later (kernel/time/timer.c) */
#define TRIES 3				/* on a busy machine two things may swap that should be far apart */

static const char *const stream_names[STREAMS] = { "answers", "alice is told", "bob is told", "on the line" };

struct run run;

void say(enum stream stream, const char *fmt, ...)
{
	char *text = run.out->stream[stream].text;
	size_t *used = &run.out->stream[stream].n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + *used, TEXT_MAX - *used, fmt, ap);	/* NOLINT(clang-analyzer-valist.Uninitialized): it is not */
	va_end(ap);
	if (n < 0 || *used + (size_t)n >= TEXT_MAX)
		mistake("too much is said", text);
	*used += (size_t)n;
}

void mistake(const char *what, const char *text)
{
	printf("Bail out! %s: %s\n", what, text);
	exit(1);
}

/* --- what the worlds tell --- */

static void event_say(unsigned host, const struct ipsec_event *ev)
{
	static const char *const dirs[] = { "in", "out", "fwd" };
	enum stream s = EVENTS_ALICE + host;

	switch (ev->type) {
	case IPSEC_EVENT_ACQUIRE:
		say(s, "ACQUIRE of port %u for reqid %u; ", ev->acquire.sel.dport, ev->acquire.policy.tmpl[0].reqid);
		break;
	case IPSEC_EVENT_EXPIRE:
		say(s, "%s EXPIRE %x; ", ev->expire.hard ? "hard" : "soft", ev->expire.sa.spi);
		break;
	case IPSEC_EVENT_SA_DELETE:
		if (ev->sa_id.spi >> 12 == 1)	/* another one was a larval SA, which libpfkey gives a number before it goes */
			say(s, "DELETE %x; ", ev->sa_id.spi);
		break;
	case IPSEC_EVENT_SA_FLUSH: say(s, "FLUSH; "); break;
	case IPSEC_EVENT_POLICY_NEW:
	case IPSEC_EVENT_POLICY_UPDATE: say(s, "policy %s; ", dirs[ev->policy.dir]); break;
	case IPSEC_EVENT_POLICY_DELETE: say(s, "no policy %s; ", dirs[ev->policy.dir]); break;
	case IPSEC_EVENT_AE: say(s, "first packet of %x; ", ev->ae.id.spi); break;
	case IPSEC_EVENT_MAPPING:
		say(s, "%x comes from port %u, not %u; ", ev->mapping.id.spi, ev->mapping.new_port, ev->mapping.old_port);
		break;
	default: break;		/* keyd does not listen to it */
	}
}

void probe_event(unsigned host, uint64_t at, const struct ipsec_event *ev)
{
	if (ev->type >= IPSEC_EVENT_TYPES)
		return;
	event_say(host, ev);
	run.told[host].n[ev->type]++;
	run.told[host].at[ev->type] = at;
	if (ev->type == IPSEC_EVENT_ACQUIRE)
		run.told[host].larval = (struct ipsec_sa){
			.src = ev->acquire.src, .dst = ev->acquire.dst, .proto = ev->acquire.proto, .acquire_seq = ev->acquire.seq,
			.mode = ev->acquire.policy.tmpl[0].mode, .reqid = ev->acquire.policy.tmpl[0].reqid,
		};
}

unsigned probe_frame(const struct frame *f)
{
	if (run.nframes == PROBE_FRAMES)
		abort();
	run.frame[run.nframes] = *f;
	if (f->spi)
		say(LINE, "%x/%" PRIu64 "; ", f->spi, f->seq);
	else
		say(LINE, "in clear; ");
	return run.nframes++;
}

bool probe_through(void)
{
	return run.through;
}

void probe_arrived(unsigned i, unsigned number, const char *counter)
{
	if (counter)
		say(LINE, "[%u: %s]; ", i + 1, counter);
	else
		say(LINE, "[%u: packet %u]; ", i + 1, number);
}

/* --- a script --- */

static uint64_t wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
}

/* at: when the other world has begun each statement; NULL: this one is the first. */
static void play(const struct world *w, const struct script *s, uint64_t wall, const struct transcript *other, struct transcript *t)
{
	struct args a;

	memset(t, 0, sizeof(*t));
	memset(&run, 0, sizeof(run));
	run.through = true;
	run.world = w;
	run.out = t;
	w->begin(wall);
	for (const char *p = s->text; *p && t->n < STATEMENTS_MAX; t->n++) {
		size_t n = strcspn(p, ";");

		statement_parse(&a, p, n);
		p += n + (p[n] == ';');
		if (other)
			w->until(other->at[t->n]);
		else if (!strcmp(a.word[0], "second"))	/* and a little, as the kernel's own clock is late by a tick */
			w->until((wall + w->now()) / SECOND * SECOND + SECOND + SECOND / 20 - wall);
		t->at[t->n] = w->now();
		statement_run(&a);
	}
	if (t->n == STATEMENTS_MAX)
		mistake("too long", s->name);
	w->until(other ? other->at[t->n] : w->now());
	t->at[t->n] = w->now();
}

static bool together(uint64_t kernel, uint64_t model)
{
	return kernel + APART >= model && kernel <= model + model / LATE + APART;
}

static bool same(const struct transcript *k, const struct transcript *m)
{
	for (unsigned i = 0; i < STREAMS; i++)
		if (strcmp(k->stream[i].text, m->stream[i].text))
			return false;
	for (unsigned i = 0; i < k->n; i++)
		if (!together(k->waited[i], m->waited[i]))
			return false;
	return true;
}

static void tell(const struct transcript *k, const struct transcript *m)
{
	for (unsigned i = 0; i < STREAMS; i++)
		if (strcmp(k->stream[i].text, m->stream[i].text))
			printf("# %s\n#   kernel: %s\n#   model:  %s\n", stream_names[i], k->stream[i].text, m->stream[i].text);
	for (unsigned i = 0; i < k->n; i++)
		if (!together(k->waited[i], m->waited[i]))
			printf("# statement %u, begun at %.3f s: what it waits for comes at %.3f s, with the model at %.3f s\n", i + 1,
			       (double)k->at[i] / 1e6, (double)k->waited[i] / 1e6, (double)m->waited[i] / 1e6);
}

static void probe(const struct script *s)
{
	static struct transcript kernel, model;
	bool good = false;

	for (unsigned i = 0; !good && i < TRIES; i++) {
		uint64_t wall = wall_now();

		play(&probe_kernel, s, wall, NULL, &kernel);
		play(&probe_model, s, wall, &kernel, &model);
		good = same(&kernel, &model);
		if (!good)
			tell(&kernel, &model);
	}
	ok(good, "%s", s->name);
}

static bool wanted(const struct script *s, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strstr(s->name, *names))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: model_probe NS_A NS_B [SCRIPT…]\n");
		return 2;
	}
	puts("TAP version 13");
	probe_kernel_open((const char *const[]){ argv[1], argv[2] });
	for (const struct script *s = probe_scripts; s->name; s++)
		if (wanted(s, argv + 3))
			probe(s);
	return tap_end();
}
