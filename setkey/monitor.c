// SPDX-License-Identifier: MIT
/* "setkey -x": events as text, each with its time and name. */
#include "setkey/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/time.h>

struct monitor {
	const struct dump_options *opt;
	bool unix_time;
};

static const char *event_name(uint8_t type)
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
		[IPSEC_EVENT_OVERRUN] = "overrun: events were lost",
	};

	return type < IPSEC_EVENT_TYPES && names[type] ? names[type] : "unknown event";
}

static void print_stamp(const struct monitor *m)
{
	struct timeval tv;
	struct tm tm;

	gettimeofday(&tv, NULL);
	if (m->unix_time || !localtime_r(&tv.tv_sec, &tm))
		fprintf(m->opt->out, "%lld.%06ld ", (long long)tv.tv_sec, (long)tv.tv_usec);
	else
		fprintf(m->opt->out, "%02d:%02d:%02d.%06ld ", tm.tm_hour, tm.tm_min, tm.tm_sec, (long)tv.tv_usec);
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
	}
}

static void print_event(const struct ipsec_event *ev, void *arg)
{
	const struct monitor *m = arg;
	FILE *out = m->opt->out;

	print_stamp(m);
	fputs(event_name(ev->type), out);
	print_summary(ev, out);
	fprintf(out, " pid=%u\n", ev->pid);
	switch (ev->type) {
	case IPSEC_EVENT_SA_NEW:
	case IPSEC_EVENT_SA_UPDATE:
		dump_sa(&ev->sa, 0, m->opt);
		break;
	case IPSEC_EVENT_EXPIRE:
		dump_sa(&ev->expire.sa, 0, m->opt);
		break;
	case IPSEC_EVENT_POLICY_NEW:
	case IPSEC_EVENT_POLICY_UPDATE:
	case IPSEC_EVENT_POLICY_DELETE:
		dump_policy(&ev->policy, 0, m->opt);
		break;
	case IPSEC_EVENT_ACQUIRE:
		dump_policy(&ev->acquire.policy, 0, m->opt);
		break;
	case IPSEC_EVENT_POLICY_EXPIRE:
		dump_policy(&ev->policy_expire.policy, 0, m->opt);
		break;
	}
	putc('\n', out);
}

int monitor_run(struct ipsec *ip, const struct dump_options *opt, bool unix_time)
{
	struct monitor m = { opt, unix_time };
	struct pollfd pfd;
	int n = ipsec_subscribe(ip);

	if (!n)
		n = ipsec_subscribe_ae(ip, true);
	if (n < 0)
		return n;
	pfd = (struct pollfd){ .fd = ipsec_event_fd(ip), .events = POLLIN };
	while (poll(&pfd, 1, -1) >= 0 || errno == EINTR) {
		n = ipsec_events_read(ip, print_event, &m);
		if (n < 0)
			return n;
		if (fflush(opt->out))
			return -errno;
	}
	return -errno;
}
