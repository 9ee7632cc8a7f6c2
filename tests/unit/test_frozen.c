// SPDX-License-Identifier: MIT
// The format of records: with one version number there is one format, and what earlier builds have written is understood.
#include "keyd/ike/freeze.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"
#include "keyd/ikev1/state.h"
#include "tests/unit/with_crypto.h"
#include "tests/unit/world.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * tests/data/frozen/N belongs to format N (FREEZE_VERSION): "fields" is what the walks of freeze.h write when each field
 * has a value of its own, the other files are records of engines (make_corpus_frozen.c). FROZEN_WRITE=1 writes "fields",
 * for a new number.
 */
#define DATA "tests/data/frozen/%d"

/* --- every field has a value of its own; numbers and bytes by counting, and which bools are set tells them apart, too --- */

#define RUNS 5				/* for 31 bools */

static uint64_t count, bools;
static unsigned run;

static void begin(unsigned which)
{
	run = which;
	count = bools = 0;
}

static uint64_t next(void)
{
	return 0x0101010101010101u * ++count;
}

static bool next_bool(void)
{
	return ++bools >> run & 1;
}

#define N(field) ((field) = (typeof(field))next())
#define B(field) ((field) = next_bool())
#define BYTES(array) memset(array, (int)++count, sizeof(array))

static void fill_secret(struct secret *s)
{
	uint8_t b[3] = { (uint8_t)++count, run, 3 };

	assert_int_equal(secret_set(s, b, sizeof(b)), 0);
}

static void fill_text(char *text, size_t n)
{
	snprintf(text, n, "t%u", (unsigned)++count);
}

static void fill_addr(struct ipsec_addr *a)
{
	*a = (struct ipsec_addr){ .family = run & 1 ? AF_INET6 : AF_INET };
	memset(a->b, (int)++count, ipsec_addr_size(a->family));
}

static void fill_id(struct conf_id *id)
{
	*id = (struct conf_id){ .len = 4 };
	N(id->type);
	memset(id->data, (int)++count, 4);
}

static void fill_selector(struct ipsec_selector *s)
{
	fill_addr(&s->src);
	fill_addr(&s->dst);
	N(s->src_len);
	N(s->dst_len);
	N(s->proto);
	N(s->sport);
	N(s->sport_mask);
	N(s->dport);
	N(s->dport_mask);
	N(s->ifindex);
}

static void fill_policy(struct ipsec_policy *p)
{
	struct ipsec_tmpl *t = &p->tmpl[0];

	fill_selector(&p->sel);
	N(p->dir);
	N(p->action);
	N(p->type);
	N(p->flags);
	N(p->priority);
	N(p->index);
	N(p->mark.value);
	N(p->mark.mask);
	N(p->if_id);
	p->ntmpl = 1;
	fill_addr(&t->src);
	fill_addr(&t->dst);
	N(t->proto);
	t->mode = IPSEC_MODE_TUNNEL;
	B(t->optional);
	N(t->reqid);
	N(t->spi);
}

static void fill_ts(struct wire_ts_list *l)
{
	l->n = 1;
	N(l->ts[0].type);
	N(l->ts[0].proto);
	N(l->ts[0].port_start);
	N(l->ts[0].port_end);
	l->ts[0].addr_len = 16;
	BYTES(l->ts[0].start);
	BYTES(l->ts[0].end);
}

static void fill_lifetime(struct ipsec_lifetime *l)
{
	N(l->bytes);
	N(l->packets);
	N(l->add_seconds);
}

static void fill_meter(struct child_meter *m)
{
	N(m->at);
	N(m->bytes);
	N(m->packets);
}

/* --- one of each --- */

static void put_head(struct frost *f)
{
	struct frozen_head h = { 0 };

	N(h.major);
	fill_text(h.peer, sizeof(h.peer));
	B(h.initiator);
	BYTES(h.spi_i);
	BYTES(h.spi_r);
	fill_addr(&h.local);
	fill_addr(&h.remote);
	N(h.local_port);
	N(h.remote_port);
	frost_head(f, &h);
}

static void fill_keys(struct ike_sa *sa)
{
	sa->suite.encr = crypto_alg_by_id(CRYPTO_ENCR, 12, 256);
	sa->suite.integ = crypto_alg_by_id(CRYPTO_INTEG, 12, 0);
	sa->suite.prf = crypto_alg_by_id(CRYPTO_PRF, 5, 0);
	sa->ke = crypto_alg_by_id(CRYPTO_KE, 31, 0);
	assert_true(sa->suite.encr && sa->suite.integ && sa->suite.prf && sa->ke);
	fill_secret(&sa->keys.sk_d);
	fill_secret(&sa->keys.sk_ai);
	fill_secret(&sa->keys.sk_ar);
	fill_secret(&sa->keys.sk_ei);
	fill_secret(&sa->keys.sk_er);
	fill_secret(&sa->keys.sk_pi);
	fill_secret(&sa->keys.sk_pr);
}

static void fill_flags(struct ike_sa *sa)
{
	B(sa->childless);
	B(sa->quiet);
	B(sa->full);
	B(sa->newcomer);
	B(sa->initial_contact);
	B(sa->originator);
	B(sa->limit_told);
	B(sa->nat_local);
	B(sa->nat_remote);
	B(sa->nat_asked);
	B(sa->encap);
	B(sa->nat_follow);
	B(sa->have_answered);
	B(sa->reauth.confirmed);
	B(sa->reauth.merges);
}

static void fill_times(struct ike_sa *sa)
{
	N(sa->moved_at);
	N(sa->rtt);
	N(sa->rtt_var);
	N(sa->refused_since);
	N(sa->origin_at);
	N(sa->redundant_at);
	N(sa->created_at);
	N(sa->established_at);
	N(sa->rekey_at);
	N(sa->heard_at);
	N(sa->hinted_at);
	N(sa->reauth.at);
	N(sa->reauth.end);
}

static void fill_ike(struct ike_sa *sa)
{
	fill_flags(sa);
	fill_times(sa);
	fill_keys(sa);
	fill_id(&sa->local_id);
	fill_id(&sa->remote_id);
	fill_addr(&sa->left_addr);
	N(sa->left_port);
	N(sa->fragment_size);
	N(sa->next_request);
	N(sa->next_expected);
	fill_secret(&sa->sent);
	fill_secret(&sa->answered);
	BYTES(sa->answered_hash);
	BYTES(sa->origin);
	BYTES(sa->predecessor);
	BYTES(sa->successor);
	BYTES(sa->reauth.of);
	BYTES(sa->reauth.by);
	N(sa->reauth.tries);
	N(sa->rekeys);
	fill_addr(&sa->assigned[0]);
	fill_addr(&sa->assigned[1]);
}

static void put_ike(struct frost *f)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));
	struct frozen_ike fz = { 0 };

	assert_non_null(sa);
	sa->version = &ikev2_version;
	fill_ike(sa);
	N(sa->life);
	N(fz.state);
	N(fz.counter);
	fill_text(fz.rekey_why, sizeof(fz.rekey_why));
	N(fz.rekey);
	N(fz.end);
	N(fz.reauth);
	for (unsigned i = 0; i < 2; i++) {
		fill_text(fz.lease[i].pool, sizeof(fz.lease[i].pool));
		fill_addr(&fz.lease[i].addr);
	}
	fz.nleft = 2;
	N(fz.left[0]);
	N(fz.left[1]);
	N(fz.nexchanges);
	fill_secret(&sa->proof.ticket);
	N(sa->proof.ends);
	B(sa->proof.lost);
	fill_text(sa->proof.remote, sizeof(sa->proof.remote));
	fill_text(sa->proof.local, sizeof(sa->proof.local));
	BYTES(sa->proof.key.b);
	frost_ike(f, sa, &fz);
	secret_clear(&sa->proof.ticket);
	ikev2_keys_clear(&sa->keys);
	secret_clear(&sa->sent);
	secret_clear(&sa->answered);
	free(sa);
}

static void fill_child_flags(struct child_sa *c)
{
	B(c->initiator);
	B(c->first);
	B(c->confirmed);
	B(c->sign_promised);
	B(c->takes_over);
	B(c->lost);
	B(c->redundant);
	B(c->acquired);
	B(c->offered);
	B(c->single_pair);
	B(c->sel_exact);
	B(c->failed);
	B(c->flow_left_out);
	B(c->no_tfc);
	B(c->doomed);
	B(c->esn);
	B(c->waits);
	B(c->muted);
	B(c->life_longer);
}

static void fill_child_numbers(struct child_sa *c)
{
	N(c->spi_in);
	N(c->spi_out);
	N(c->line);
	N(c->beats);
	N(c->replaces);
	N(c->replaced_by);
	N(c->acquire_seq);
	N(c->rekeys);
	N(c->begun_at);
	N(c->up_at);
	N(c->rekey_at);
	N(c->out_port);
	N(c->in_port);
	N(c->byte_rate);
	N(c->packet_rate);
}

static void fill_child(struct child_sa *c)
{
	fill_child_flags(c);
	fill_child_numbers(c);
	fill_policy(&c->pol);
	fill_selector(&c->flow);
	fill_selector(&c->sel);
	fill_selector(&c->sel_in);
	fill_addr(&c->nat_real);
	fill_addr(&c->out_addr);
	fill_lifetime(&c->soft);
	fill_lifetime(&c->hard);
	N(c->life_seconds);
	N(c->life_bytes);
	fill_meter(&c->meter_in);
	fill_meter(&c->meter_out);
	c->encr = crypto_alg_by_id(CRYPTO_ENCR, 12, 128);
	c->integ = crypto_alg_by_id(CRYPTO_INTEG, 14, 0);
	c->ke = crypto_alg_by_id(CRYPTO_KE, 19, 0);
	assert_true(c->encr && c->integ && c->ke);
}

static void put_child(struct frost *f)
{
	struct child_sa *c = calloc(1, sizeof(*c));
	struct secret *all[] = { &c->nonce, &c->key_in, &c->auth_in, &c->key_out, &c->auth_out };
	struct frozen_child fz = { 0 };

	assert_non_null(c);
	fill_child(c);
	for (unsigned i = 0; i < 5; i++)
		fill_secret(all[i]);
	BYTES(fz.sa);
	N(fz.state);
	N(fz.reqid);
	fill_text(fz.rekey_why, sizeof(fz.rekey_why));
	N(fz.rekey);
	N(fz.switchover);
	N(fz.drop);
	N(fz.retire);
	B(fz.rekeying);
	B(fz.deleting);
	B(fz.switching);
	frost_child(f, c, &fz);
	for (unsigned i = 0; i < 5; i++)
		secret_clear(all[i]);
	free(c);
}

static void put_exchange(struct frost *f)
{
	struct exchange *x = calloc(1, sizeof(*x));
	struct frozen_exchange fz = { .ke = crypto_alg_by_id(CRYPTO_KE, 31, 0) };

	assert_non_null(x);
	N(fz.ops);
	B(fz.active);
	B(fz.then);
	B(fz.installing);
	B(fz.has_child);
	B(x->no_kex);
	N(x->not_before);
	N(x->old_spi);
	N(x->tries);
	N(x->group);
	BYTES(fz.new_sa);
	fill_secret(&fz.kex);
	fill_secret(&x->ni);
	fill_secret(&x->rival.nonce);
	N(x->rival.child);
	BYTES(x->rival.ike);
	fill_ts(&x->ts_local);
	fill_ts(&x->ts_remote);
	N(x->message_id);
	BYTES(x->v1.heard);
	frost_exchange(f, x, &fz);
	secret_clear(&fz.kex);
	secret_clear(&x->ni);
	secret_clear(&x->rival.nonce);
	free(x);
}

static void fill_v1(struct ikev1_state *s, struct v1_memo *m)
{
	static uint32_t seen[2];

	s->suite.encr = crypto_alg_by_id(CRYPTO_ENCR, 12, 128);
	s->suite.prf = crypto_alg_by_id(CRYPTO_PRF, 6, 0);
	fill_secret(&s->keys.skeyid_d);
	fill_secret(&s->keys.skeyid_a);
	fill_secret(&s->keys.skeyid_e);
	fill_secret(&s->keys.key);
	N(s->method);
	BYTES(s->iv);
	B(s->dpd);
	N(s->nat_t);
	B(s->kin);
	B(s->gone);
	N(s->dpd_ours);
	s->nseen = 2;
	s->seen = seen;
	N(seen[0]);
	N(seen[1]);
	N(m->message_id);
	BYTES(m->heard);
	fill_secret(&m->answer);
	N(m->child);
	BYTES(m->iv);
	BYTES(m->hash3);
	list_init(&s->serving);
	list_init(&s->memos);
	list_add_tail(&s->memos, &m->link);
	s->nmemos = 1;
}

static void put_v1(struct frost *f)
{
	struct ikev1_state *s = calloc(1, sizeof(*s));
	struct ike_sa *sa = calloc(1, sizeof(*sa));
	struct v1_memo m = { 0 };

	assert_true(s && sa);
	sa->v1 = s;
	fill_v1(s, &m);
	v1_walk(f, sa);
	ikev1_keys_clear(&s->keys);
	secret_clear(&m.answer);
	free(s);
	free(sa);
}

static void put_straggler(struct frost *f)
{
	struct straggler s = { 0 };

	fill_addr(&s.id.dst);
	N(s.id.proto);
	N(s.id.spi);
	N(s.id.mark.value);
	N(s.id.mark.mask);
	N(s.timer.at);
	straggler_walk(f, &s);
}

static void put_traffic(struct frost *f)
{
	struct traffic *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	fill_addr(&t->t.local);
	fill_addr(&t->t.remote);
	t->t.reqid = KERN_OWN_REQID + 1;
	t->t.n = 1;
	fill_selector(&t->t.sel[0]);
	fill_id(&t->owner);
	N(t->linger);
	B(t->agreed);
	B(t->set);
	N(t->end.at);
	t->end.pos = 1;
	traffic_walk(f, t);
	free(t);
}

static void fill_resolv(struct engine_resolv *r)
{
	fill_text(r->peer, sizeof(r->peer));
	r->ndns = 1;
	fill_addr(&r->dns[0]);
	fill_text(r->domain, sizeof(r->domain));
}

static void put_tunnel(struct frost *f)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	struct traffic traffic = { 0 };

	assert_non_null(t);
	fill_text(t->peer, sizeof(t->peer));
	B(t->wanted);
	fill_addr(&t->local);
	fill_addr(&t->remote);
	N(traffic.t.reqid);
	t->traffic = &traffic;
	for (unsigned i = 0; i < TUNNEL_FAMILIES; i++) {
		struct kern_virtual *v = &t->set[i].v;

		fill_addr(&t->given[i]);
		B(t->set[i].there);
		fill_addr(&v->addr);
		fill_addr(&v->gateway);
		fill_text(v->interface, sizeof(v->interface));
		v->n = 1;
		fill_addr(&v->to[0].addr);
		N(v->to[0].len);
	}
	fill_resolv(&t->resolv);
	fill_resolv(&t->told);
	N(t->tries);
	N(t->pause);
	tunnel_walk(f, t);
	free(t);
}

static const struct {
	const char *name;
	void (*put)(struct frost *f);
} walks[] = {
	{ "head", put_head }, { "ike", put_ike }, { "child", put_child }, { "exchange", put_exchange }, { "v1", put_v1 },
	{ "straggler", put_straggler }, { "traffic", put_traffic }, { "tunnel", put_tunnel },
};
#define WALKS (sizeof(walks) / sizeof(walks[0]))

/* All of them as lines: name, run, hexadecimal digits. */
static void write_fields(FILE *out)
{
	static uint8_t buf[ENGINE_RECORD_MAX];

	for (unsigned i = 0; i < WALKS * RUNS; i++) {
		struct wr to = wr_of(buf, sizeof(buf));
		struct frost f = { .w = &to };

		begin(i % RUNS);
		walks[i / RUNS].put(&f);
		assert_true(wr_ok(&to));
		assert_true(count < 256 && bools < 1u << RUNS);
		fprintf(out, "%s %u ", walks[i / RUNS].name, i % RUNS);
		for (size_t k = 0; k < to.len; k++)
			fprintf(out, "%02x", buf[k]);
		fputc('\n', out);
	}
}

static void test_fields(void **state)
{
	char path[100], is[20000], was[20000];
	FILE *now = tmpfile(), *then;

	(void)state;
	snprintf(path, sizeof(path), DATA "/fields", FREEZE_VERSION);
	if (getenv("FROZEN_WRITE")) {
		then = fopen(path, "w");
		assert_non_null(then);
		write_fields(then);
		fclose(then);
	}
	write_fields(now);
	rewind(now);
	then = fopen(path, "r");
	if (!then)
		fail_msg("%s is missing: FROZEN_WRITE=1 writes it", path);
	while (fgets(is, sizeof(is), now)) {
		assert_non_null(fgets(was, sizeof(was), then));
		if (strcmp(is, was))
			fail_msg("the format has changed and FREEZE_VERSION has not:\nwas %sis  %s", was, is);
	}
	assert_null(fgets(was, sizeof(was), then));
	fclose(now);
	fclose(then);
}

/* --- records of earlier builds --- */

static struct world w;

static void world_put(struct world_host *h, uint64_t id, const uint8_t *p, size_t n)
{
	struct world_record *r = calloc(1, sizeof(*r) + n);

	assert_non_null(r);
	r->id = id;
	r->n = n;
	memcpy(r->bytes, p, n);
	r->next = h->records;
	h->records = r;
}

/* Instead of what it has: a byte, and then records with their length in two bytes in front. */
static void world_load(struct world_host *h, const char *path)
{
	static uint8_t bytes[ENGINE_RECORD_MAX];
	FILE *f = fopen(path, "rb");
	struct rd r;
	struct view v;
	uint16_t n;
	uint64_t id = 100;

	assert_non_null(f);
	r = rd_of(bytes, fread(bytes, 1, sizeof(bytes), f));
	fclose(f);
	while (h->records) {
		struct world_record *first = h->records;

		h->records = first->next;
		free(first);
	}
	assert_int_equal(rd_skip(&r, 1), 0);
	while (!rd_u16(&r, &n)) {
		assert_int_equal(rd_view(&r, n, &v), 0);
		world_put(h, ++id, v.p, v.n);
	}
}

/* How many IKE SAs and children the records are of; and with an engine, how many of those it has. */
static unsigned named(const struct world_host *h, struct engine *e)
{
	unsigned n = 0;

	for (const struct world_record *r = h->records; r; r = r->next) {
		struct frost f = { .r = rd_of(r->bytes + 2, r->n - 2), .version = r->bytes[0] };
		struct frozen_head head = { 0 };
		uint8_t spi[8];
		uint32_t in;

		if (r->bytes[1] == KEEP_IKE_SA) {
			frost_head(&f, &head);
			n += !e || ike_sa_find(e, head.initiator ? head.spi_i : head.spi_r);
		} else if (r->bytes[1] == KEEP_CHILD) {
			frost_mem(&f, spi, sizeof(spi));
			frost_u32(&f, &in);
			n += !e || child_find(e, in);
		}
	}
	return n;
}

static void joined(void)
{
	world_init(&w, 1, true);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
}

/* What the records of one version name is there again, each of them. */
static void earlier_build(int version)
{
	char path[600];
	struct dirent *file;
	DIR *dir;
	unsigned files = 0, all = 0;

	snprintf(path, sizeof(path), DATA, version);
	dir = opendir(path);
	assert_non_null(dir);
	while ((file = readdir(dir))) {
		struct world_host *h = &w.host[0];
		const char *useless;
		unsigned n;

		if (strncmp(file->d_name, "moment", 6))
			continue;
		snprintf(path, sizeof(path), DATA "/%s", version, file->d_name);
		joined();
		world_run(&w, SECONDS(1));	/* not before the records were written */
		world_load(h, path);
		n = named(h, NULL);
		all += n;
		world_kill(&w, 0);
		useless = strstr(h->log, "a record of the keyd before this one");
		if (useless)
			fail_msg("%s: %.160s", path, useless);
		world_load(h, path);
		if (named(h, h->engine) != n)
			fail_msg("%s: %u of %u are there", path, named(h, h->engine), n);
		world_free(&w);
		files++;
	}
	closedir(dir);
	assert_true(files >= 10 && all >= 20);
}

static void test_earlier_builds(void **state)
{
	(void)state;
	for (int version = FREEZE_VERSION_READ; version <= FREEZE_VERSION; version++)
		earlier_build(version);
}

/* --- records that this build does not understand --- */

static void other_version(struct world_record *r)
{
	r->bytes[0]++;
}

static void longer(struct world_record *r)
{
	r->n++;
}

static void shorter(struct world_record *r)
{
	r->n--;
}

static void spoil(struct world_host *h, void (*how)(struct world_record *r))
{
	struct world_record *list = h->records, *next;

	h->records = NULL;
	for (; list; list = next) {
		struct world_record *r = calloc(1, sizeof(*r) + list->n + 1);

		assert_non_null(r);
		next = list->next;
		memcpy(r, list, sizeof(*r) + list->n);
		how(r);
		r->next = h->records;
		h->records = r;
		free(list);
	}
}

/* It says so, and negotiates anew beside what the kernel has: nothing is lost, and one pair is left. */
static void test_not_understood(void **state)
{
	static const struct {
		void (*how)(struct world_record *r);
		const char *why;
	} cases[] = { { other_version, "of another version" }, { longer, "damaged" }, { shorter, "damaged" } };

	(void)state;
	for (unsigned i = 0; i < 3 * WORLD_HOSTS; i++) {
		struct world_host *h = &w.host[i % WORLD_HOSTS];

		joined();
		w.delay = 5000;
		w.traffic = true;
		world_run(&w, SECONDS(2));
		spoil(h, cases[i / WORLD_HOSTS].how);
		world_kill(&w, i % WORLD_HOSTS);
		assert_non_null(strstr(h->log, cases[i / WORLD_HOSTS].why));
		assert_null(strstr(h->log, "go on after a restart"));
		world_run(&w, SECONDS(5));
		w.traffic = false;
		world_run(&w, SECONDS(200));
		assert_true(world_joined(&w));
		for (unsigned k = 0; k < WORLD_HOSTS; k++) {
			if (w.host[k].lost_keying)
				fail_msg("%s, host %u: %u packets lost at host %u", cases[i / WORLD_HOSTS].why, i % WORLD_HOSTS,
					 w.host[k].lost_keying, k);
			assert_int_equal(w.host[k].nsas, 2);
		}
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_earlier_builds),
		cmocka_unit_test(test_not_understood),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
