// SPDX-License-Identifier: MIT
/* The SAD and the SPD as a script. */
#include "setkey/lang/write.h"

#include <errno.h>
#include <string.h>

#include "pfkey/alg.h"
#include "setkey/lang/arena.h"
#include "setkey/lang/statement.h"

#define STATEMENT_MAX 4096	/* bytes with a comment before it; the longest has about 1,500 */

struct entry {
	struct entry *next;
	const char *text;
};

struct writer {
	struct arena arena;	/* cleanses the keys */
	struct entry *first;
	FILE *line;		/* writes to buf */
	char buf[STATEMENT_MAX], io[STATEMENT_MAX];
	size_t left_out;
};

/*
 * What was written into buf comes before all that was kept: a dump begins with the newest, and a script must end with it,
 * as among policies of one priority the older wins.
 */
static int keep(struct writer *w)
{
	long n = ftell(w->line);
	struct entry *e;

	if (fflush(w->line) || n < 0 || (size_t)n >= sizeof(w->buf))
		return -EMSGSIZE;
	e = arena_alloc(&w->arena, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->text = arena_text(&w->arena, w->buf, (size_t)n);
	if (!e->text)
		return -ENOMEM;
	e->next = w->first;
	w->first = e;
	return 0;
}

static bool counts(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info = alg->name[0] ? ipsec_alg_by_kernel(kind, alg->name, 0) : NULL;

	return info && info->flags & IPSEC_ALG_STREAM;
}

static void comment_sa(struct writer *w, const char *what, const struct ipsec_sa *sa, const char *why)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	fprintf(w->line, "# %s: %s %s %s 0x%x: %s\n", what, ipsec_addr_format(&sa->src, src, sizeof(src)),
		ipsec_addr_format(&sa->dst, dst, sizeof(dst)), protocol_name(sa->proto), sa->spi, why);
}

static void leave_out_sa(struct writer *w, const struct ipsec_sa *sa, const char *why)
{
	comment_sa(w, "left out", sa, why);
	w->left_out++;
}

static int add_sa(const struct ipsec_sa *sa, void *arg)
{
	struct writer *w = arg;
	char why[200] = "";

	rewind(w->line);
	if (sa->proto == IPPROTO_IPIP || sa->proto == IPPROTO_IPV6) {
		comment_sa(w, "not needed", sa, "the kernel adds it by itself to an IPComp tunnel");
		return keep(w);
	}
	if (sa->state == IPSEC_STATE_LARVAL || sa->state == IPSEC_STATE_DEAD) {
		leave_out_sa(w, sa, sa->state == IPSEC_STATE_DEAD ? "it is dead" : "it is larval, and has no keys yet");
		return keep(w);
	}
	if (counts(IPSEC_ALG_AEAD, &sa->aead) || counts(IPSEC_ALG_ENC, &sa->enc))
		fputs("# Counter mode: loaded where its counter starts again, this SA sends under nonces that it has used,\n"
		      "# which gives the plaintexts away.\n", w->line);
	if (write_sa(w->line, "add", sa, true, why, sizeof(why))) {
		rewind(w->line);
		leave_out_sa(w, sa, why);
	}
	return keep(w);
}

static void leave_out_policy(struct writer *w, const struct ipsec_policy *pol, const char *why)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	fprintf(w->line, "# left out: policy %u, %s/%u %s/%u: %s\n", pol->index,
		ipsec_addr_format(&pol->sel.src, src, sizeof(src)), pol->sel.src_len,
		ipsec_addr_format(&pol->sel.dst, dst, sizeof(dst)), pol->sel.dst_len, why);
	w->left_out++;
}

static int add_policy(const struct ipsec_policy *pol, void *arg)
{
	struct ipsec_policy plain = *pol;
	struct writer *w = arg;
	char why[200] = "";

	/* The kernel chose it, and will choose again. */
	plain.index = 0;
	rewind(w->line);
	if (write_policy(w->line, "spdadd", &plain, why, sizeof(why))) {
		rewind(w->line);
		leave_out_policy(w, pol, why);
	}
	return keep(w);
}

static void print(FILE *out, const char *flush, const struct writer *w)
{
	fprintf(out, "%s;\n", flush);
	for (const struct entry *e = w->first; e; e = e->next)
		fputs(e->text, out);
}

static int write_sad(struct ipsec *ip, FILE *out, struct writer *w)
{
	int err = ipsec_sa_dump(ip, add_sa, w);

	if (!err)
		print(out, "flush", w);
	return err;
}

static int write_spd(struct ipsec *ip, FILE *out, struct writer *w)
{
	int err = ipsec_policy_dump(ip, add_policy, w);

	if (!err)
		print(out, "spdflush", w);
	return err;
}

/* One database with a writer of its own: the other's keys are gone when it begins. */
static int write_database(struct ipsec *ip, FILE *out, size_t *left_out, int (*fn)(struct ipsec *, FILE *, struct writer *))
{
	struct writer w = { .first = NULL };
	int err;

	w.line = fmemopen(w.buf, sizeof(w.buf), "w");
	if (!w.line)
		return -errno;
	setvbuf(w.line, w.io, _IOFBF, sizeof(w.io));
	err = fn(ip, out, &w);
	fclose(w.line);
	arena_clear(&w.arena);
	explicit_bzero(w.buf, sizeof(w.buf));
	explicit_bzero(w.io, sizeof(w.io));
	*left_out += w.left_out;
	return err;
}

int write_script(struct ipsec *ip, FILE *out, bool sas, bool policies, size_t *left_out)
{
	int err = 0;

	*left_out = 0;
	fputs("# Load it with: setkey -k -f FILE, or with no moment between: setkey -k --sync FILE\n", out);
	if (sas)
		err = write_database(ip, out, left_out, write_sad);
	if (!err && policies)
		err = write_database(ip, out, left_out, write_spd);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
