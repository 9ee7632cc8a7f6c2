// SPDX-License-Identifier: MIT
/* "setkey -x": events as text, each with its time and name. */
#include "setkey/show/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "setkey/show/json.h"

#define HEX_PER_LINE 16

const char *monitor_event_name(uint8_t type)
{
	static const char *const names[IPSEC_EVENT_TYPES] = {
		[IPSEC_EVENT_ACQUIRE] = "acquire",
		[IPSEC_EVENT_EXPIRE] = "expire",
		[IPSEC_EVENT_SA_NEW] = "add",
		[IPSEC_EVENT_SA_UPDATE] = "update",
		[IPSEC_EVENT_SA_DELETE] = "delete",
		[IPSEC_EVENT_SA_FLUSH] = "flush",
		[IPSEC_EVENT_POLICY_NEW] = "spdadd",
		[IPSEC_EVENT_POLICY_UPDATE] = "spdupdate",
		[IPSEC_EVENT_POLICY_DELETE] = "spddelete",
		[IPSEC_EVENT_POLICY_FLUSH] = "spdflush",
		[IPSEC_EVENT_POLICY_EXPIRE] = "spdexpire",
		[IPSEC_EVENT_MIGRATE] = "migrate",
		[IPSEC_EVENT_MAPPING] = "mapping",
		[IPSEC_EVENT_AE] = "ae",
		[IPSEC_EVENT_OVERRUN] = "overrun",
	};

	return type < IPSEC_EVENT_TYPES && names[type] ? names[type] : "unknown";
}

static void print_stamp(const struct monitor_options *opt)
{
	struct timeval tv;
	struct tm tm;

	gettimeofday(&tv, NULL);
	if (opt->unix_time || !localtime_r(&tv.tv_sec, &tm))
		fprintf(opt->dump->out, "%lld.%06ld ", (long long)tv.tv_sec, (long)tv.tv_usec);
	else
		fprintf(opt->dump->out, "%02d:%02d:%02d.%06ld ", tm.tm_hour, tm.tm_min, tm.tm_sec, (long)tv.tv_usec);
}

static void print_id(const struct ipsec_sa_id *id, FILE *out)
{
	char dst[IPSEC_ADDR_STRLEN];

	fprintf(out, " dst=%s proto=%u spi=%u(0x%08x)", ipsec_addr_format(&id->dst, dst, sizeof(dst)), id->proto,
		id->spi, id->spi);
}

static void print_ends(const struct ipsec_addr *src, const struct ipsec_addr *dst, FILE *out)
{
	char s[IPSEC_ADDR_STRLEN], d[IPSEC_ADDR_STRLEN];

	fprintf(out, " %s -> %s", ipsec_addr_format(src, s, sizeof(s)), ipsec_addr_format(dst, d, sizeof(d)));
}

/* What fits behind the name, in one line. */
static void print_summary(const struct ipsec_event *ev, FILE *out)
{
	switch (ev->type) {
	case IPSEC_EVENT_ACQUIRE:
		print_ends(&ev->acquire.src, &ev->acquire.dst, out);
		fprintf(out, " proto=%u seq=%u", ev->acquire.proto, ev->acquire.seq);
		break;
	case IPSEC_EVENT_EXPIRE:
		fputs(ev->expire.hard ? " hard" : " soft", out);
		break;
	case IPSEC_EVENT_POLICY_EXPIRE:
		fputs(ev->policy_expire.hard ? " hard" : " soft", out);
		break;
	case IPSEC_EVENT_SA_DELETE:
		print_id(&ev->sa_id, out);
		break;
	case IPSEC_EVENT_SA_FLUSH:
		fprintf(out, " proto=%u", ev->flush_proto);
		break;
	case IPSEC_EVENT_MIGRATE:
		print_ends(&ev->migrate.old_src, &ev->migrate.old_dst, out);
		fputs(" to", out);
		print_ends(&ev->migrate.new_src, &ev->migrate.new_dst, out);
		break;
	case IPSEC_EVENT_MAPPING:
		print_id(&ev->mapping.id, out);
		print_ends(&ev->mapping.old_addr, &ev->mapping.new_addr, out);
		fprintf(out, " port %u -> %u", ev->mapping.old_port, ev->mapping.new_port);
		break;
	case IPSEC_EVENT_AE:
		print_id(&ev->ae.id, out);
		fprintf(out, " seq=%" PRIu64 " oseq=%" PRIu64, ev->ae.seq, ev->ae.oseq);
		break;
	case IPSEC_EVENT_OVERRUN:
		fputs(": events were lost", out);
		break;
	}
}

/* The SA or the policy that it is about. */
static void print_subject(const struct ipsec_event *ev, const struct dump_options *dump)
{
	switch (ev->type) {
	case IPSEC_EVENT_SA_NEW:
	case IPSEC_EVENT_SA_UPDATE:
		dump_sa(&ev->sa, 0, dump);
		break;
	case IPSEC_EVENT_EXPIRE:
		dump_sa(&ev->expire.sa, 0, dump);
		break;
	case IPSEC_EVENT_POLICY_NEW:
	case IPSEC_EVENT_POLICY_UPDATE:
	case IPSEC_EVENT_POLICY_DELETE:
		dump_policy(&ev->policy, 0, dump);
		break;
	case IPSEC_EVENT_ACQUIRE:
		dump_policy(&ev->acquire.policy, 0, dump);
		break;
	case IPSEC_EVENT_POLICY_EXPIRE:
		dump_policy(&ev->policy_expire.policy, 0, dump);
		break;
	}
}

static void print_event(const struct ipsec_event *ev, void *arg)
{
	const struct monitor_options *opt = arg;
	FILE *out = opt->dump->out;

	print_stamp(opt);
	fputs(monitor_event_name(ev->type), out);
	print_summary(ev, out);
	fprintf(out, " pid=%u\n", ev->pid);
	print_subject(ev, opt->dump);
	putc('\n', out);
}

static void print_json(const struct ipsec_event *ev, void *arg)
{
	const struct monitor_options *opt = arg;
	json_t *event = json_event(ev, opt->keys);
	struct timeval tv;
	char *text = NULL;

	gettimeofday(&tv, NULL);
	if (event && !json_object_set_new(event, "time_us", json_integer(tv.tv_sec * 1000000LL + tv.tv_usec)))
		text = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	fprintf(opt->dump->out, "%s\n", text ? text : "{\"event\":\"overrun\"}");
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void print_raw(const void *msg, size_t n, void *arg)
{
	const struct monitor_options *opt = arg;
	const uint8_t *b = msg;
	FILE *out = opt->dump->out;

	print_stamp(opt);
	fprintf(out, "message of %zu bytes\n", n);
	for (size_t i = 0; i < n; i++) {
		if (i % HEX_PER_LINE == 0)
			fprintf(out, "%08zx: ", i);
		fprintf(out, "%02x%s", b[i], i % HEX_PER_LINE == HEX_PER_LINE - 1 || i == n - 1 ? " \n" : " ");
	}
	putc('\n', out);
}

static int subscribe(struct ipsec *ip)
{
	int err = ipsec_subscribe(ip);

	if (err)
		return err;
	err = ipsec_subscribe_ae(ip, true);
	return err == -EOPNOTSUPP ? 0 : err;	/* PF_KEY has no such events */
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* From here on SIGINT and SIGTERM come only while it waits; *waiting is the mask for that. */
static void catch_signals(sigset_t *waiting)
{
	const struct sigaction action = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, waiting);
	sigdelset(waiting, SIGINT);
	sigdelset(waiting, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int monitor_run(struct ipsec *ip, const struct monitor_options *opt)
{
	struct monitor_options mine = *opt;
	struct pollfd fds[2];
	sigset_t waiting;
	int n;

	catch_signals(&waiting);
	if (opt->hex)
		ipsec_events_raw(ip, print_raw, &mine);
	n = subscribe(ip);
	if (n < 0)
		return n;
	/* Of the output only that its reader has gone, which a pipe tells without being written to. */
	fds[0] = (struct pollfd){ .fd = ipsec_event_fd(ip), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = fileno(opt->dump->out) };
	while (!interrupted && !(fds[1].revents & POLLERR)) {
		fds[1].revents = 0;
		if (ppoll(fds, 2, NULL, &waiting) < 0 && errno != EINTR)
			return -errno;
		n = ipsec_events_read(ip, opt->json ? print_json : print_event, &mine);
		if (n < 0)
			return n;
		if (fflush(opt->dump->out))
			return -errno;
	}
	return 0;
}
