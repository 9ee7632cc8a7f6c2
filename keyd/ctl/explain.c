// SPDX-License-Identifier: MIT
// The story of an attempt, as data and in words.
#include "keyd/ctl/explain.h"

#include "keyd/conf/id.h"
#include "keyd/ctl/reason.h"
#include "keyd/ctl/render.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SENTENCE_MAX 4096
#define WORD_MAX 1400		/* an identity with each byte escaped fits */

static const char *const whats[STORY_WHATS] = {
	[STORY_IKE_SA] = "ike-sa", [STORY_CHILD] = "child", [STORY_REKEY_CHILD] = "child-rekey",
	[STORY_REKEY_IKE] = "ike-rekey",
};
static const char *const what_words[STORY_WHATS] = {
	[STORY_IKE_SA] = "an IKE SA", [STORY_CHILD] = "a child SA", [STORY_REKEY_CHILD] = "the rekey of a child SA",
	[STORY_REKEY_IKE] = "the rekey of the IKE SA",
};
static const char *const outcomes[STORY_OUTCOMES] = {
	[STORY_UNDER_WAY] = "under-way", [STORY_UP] = "up", [STORY_FAILED] = "failed", [STORY_ENDED] = "ended",
};

const char *explain_time(double when, char buf[EXPLAIN_TIME_LEN])
{
	time_t seconds = (time_t)when;
	struct tm tm = { 0 };
	char zone[8];
	size_t n;

	localtime_r(&seconds, &tm);
	n = strftime(buf, EXPLAIN_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(buf + n, EXPLAIN_TIME_LEN - n, ".%03d%.3s:%.2s", (int)((when - (double)seconds) * 1000), zone, zone + 3);
	return buf;
}

/* What came back by ICMP (RFC 792, RFC 4443: types 3 and 1). */
static const char *icmp_text(const struct engine_story *s)
{
	static const char *const v4[] = {
		"network unreachable", "host unreachable", "protocol unreachable", "port unreachable",
		[9] = "network prohibited", [10] = "host prohibited", [13] = "communication prohibited by a filter",
	};
	static const char *const v6[] = {
		"no route", "communication prohibited by a filter", "beyond scope", "address unreachable", "port unreachable",
	};
	bool six = s->remote.family == AF_INET6;
	const char *const *texts = six ? v6 : v4;
	size_t n = six ? sizeof(v6) / sizeof(v6[0]) : sizeof(v4) / sizeof(v4[0]);

	if (!s->icmp_type || s->icmp_type != (six ? 1 : 3))
		return "";
	return s->icmp_code < n && texts[s->icmp_code] ? texts[s->icmp_code] : "unreachable";
}

static bool refused(const struct engine_story *s)
{
	return *icmp_text(s) && s->icmp_code == (s->remote.family == AF_INET6 ? 4 : 3);
}

static void word_text(char *out, const char *buf, size_t n)
{
	snprintf(out, WORD_MAX, "%.*s", (int)strnlen(buf, n), buf);
}

static void word_id(char *out, const struct conf_id *id)
{
	struct conf_id copy = *id;

	*out = 0;
	if (copy.len > sizeof(copy.data))
		copy.len = sizeof(copy.data);
	if (copy.type)
		conf_id_format(&copy, out, WORD_MAX);
}

static void word_flag(char *out, bool yes)
{
	snprintf(out, WORD_MAX, "%s", yes ? "yes" : "");
}

#define TEXT_WORD(name, member)									\
	static void word_##name(const struct engine_story *s, char *out)			\
	{											\
		word_text(out, s->member, sizeof(s->member));					\
	}
#define FLAG_WORD(name, condition)								\
	static void word_##name(const struct engine_story *s, char *out)			\
	{											\
		word_flag(out, condition);							\
	}

TEXT_WORD(peer, peer)
TEXT_WORD(ours, ours)
TEXT_WORD(theirs, theirs)
TEXT_WORD(differs, differs)
TEXT_WORD(at, setting_at)
TEXT_WORD(section, section_at)
TEXT_WORD(secret, secret_at)
TEXT_WORD(secrets, secrets_file)
TEXT_WORD(policy, policy)
TEXT_WORD(wanted, policy_wanted)
TEXT_WORD(text_, text)
FLAG_WORD(default, *s->setting && !*s->setting_at)
FLAG_WORD(notify_ours, s->notify_ours)
FLAG_WORD(refused, refused(s))
FLAG_WORD(unreachable, *icmp_text(s) && !refused(s))

/* What the peer wants, where all of it can stand in keyd.conf: names that only IANA has are in capitals. */
static void word_usable(const struct engine_story *s, char *out)
{
	word_text(out, s->theirs, sizeof(s->theirs));
	if (out[strcspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ:")])
		*out = 0;
}

static void word_remote(const struct engine_story *s, char *out)
{
	ipsec_addr_format(&s->remote, out, WORD_MAX);
}

static void word_local(const struct engine_story *s, char *out)
{
	ipsec_addr_format(&s->local, out, WORD_MAX);
}

static void word_rport(const struct engine_story *s, char *out)
{
	snprintf(out, WORD_MAX, "%u", s->remote_port);
}

static void word_lport(const struct engine_story *s, char *out)
{
	snprintf(out, WORD_MAX, "%u", s->local_port);
}

static void word_remote_id(const struct engine_story *s, char *out)
{
	word_id(out, &s->remote_id);
}

static void word_local_id(const struct engine_story *s, char *out)
{
	word_id(out, &s->local_id);
}

/* What a line of psk.txt would begin with. */
static void word_peer_id(const struct engine_story *s, char *out)
{
	word_id(out, &s->remote_id);
	if (!*out)
		word_remote(s, out);
}

static void word_icmp(const struct engine_story *s, char *out)
{
	snprintf(out, WORD_MAX, "%s", icmp_text(s));
}

static const struct {
	const char *name;
	void (*fn)(const struct engine_story *s, char *out);
} words[] = {
	{ "peer", word_peer }, { "remote", word_remote }, { "local", word_local }, { "rport", word_rport },
	{ "lport", word_lport }, { "ours", word_ours }, { "theirs", word_theirs }, { "usable", word_usable }, { "differs", word_differs },
	{ "at", word_at }, { "section", word_section }, { "secret", word_secret }, { "secrets", word_secrets },
	{ "policy", word_policy }, { "wanted", word_wanted }, { "text", word_text_ }, { "default", word_default },
	{ "notify_ours", word_notify_ours }, { "refused", word_refused }, { "unreachable", word_unreachable },
	{ "remote_id", word_remote_id }, { "local_id", word_local_id }, { "peer_id", word_peer_id },
	{ "icmp", word_icmp },
};

static void word(const struct engine_story *s, const char *name, size_t n, char *out)
{
	*out = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncmp(words[i].name, name, n) && !words[i].name[n])
			words[i].fn(s, out);
}

bool explain_fill(const struct engine_story *s, const char *template, char *buf, size_t n)
{
	size_t used = 0;

	for (const char *p = template; *p && used + 1 < n;) {
		char value[WORD_MAX];
		const char *end = *p == '{' && p[1] != '{' ? strchr(p, '}') : NULL;
		bool test = end && (p[1] == '?' || p[1] == '!');

		if (!end) {
			p += *p == '{';		/* "{{" is one */
			buf[used++] = *p++;
			continue;
		}
		word(s, p + 1 + test, (size_t)(end - p - 1 - test), value);
		if (!*value != (test && p[1] == '!'))
			return false;
		if (!test)
			used += (size_t)snprintf(buf + used, n - used, "%s", value);
		p = end + 1;
	}
	if (used >= n)
		used = n - 1;
	buf[used] = 0;
	return true;
}

/* One sentence, masked where it is not UTF-8. */
static void say(json_t *list, const char *text)
{
	json_array_append_new(list, render_text(text, strlen(text)));
}

static void say_templates(json_t *list, const struct engine_story *s, const char *const *templates)
{
	char sentence[SENTENCE_MAX];

	for (unsigned i = 0; i < REASON_SENTENCES && templates[i]; i++)
		if (explain_fill(s, templates[i], sentence, sizeof(sentence)))
			say(list, sentence);
}

static double wall_of(uint64_t at, double wall)
{
	return (double)at / 1e6 + wall;
}

static void say_beginning(json_t *list, const struct engine_story *s, double wall)
{
	const char *what = what_words[s->what < STORY_WHATS ? s->what : 0];
	char local[IPSEC_ADDR_STRLEN], remote[IPSEC_ADDR_STRLEN], when[EXPLAIN_TIME_LEN], sentence[SENTENCE_MAX];

	ipsec_addr_format(&s->local, local, sizeof(local));
	ipsec_addr_format(&s->remote, remote, sizeof(remote));
	snprintf(sentence, sizeof(sentence), s->initiator ? "%s: we began %s with %.63s, from %s port %u to %s port %u." :
							    "%s: the peer began %s: %.63s, to us at %s port %u from %s port %u.",
		 explain_time(wall_of(s->began_at, wall), when), what, s->peer, local, s->local_port, remote,
		 s->remote_port);
	say(list, sentence);
	if (s->times < 2)
		return;
	snprintf(sentence, sizeof(sentence), "It failed in this way %u times since %s; this is the last time.", s->times,
		 explain_time(wall_of(s->first_at, wall), when));
	say(list, sentence);
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

static void say_up(json_t *list, const struct engine_story *s)
{
	char sentence[SENTENCE_MAX], local[WORD_MAX], remote[WORD_MAX];

	word_id(local, &s->local_id);
	word_id(remote, &s->remote_id);
	snprintf(sentence, sizeof(sentence), "It came up after %.3f s: we are \"%s\", the peer proved to be \"%s\"; IKE uses %.*s.",
		 (double)(s->up_at - s->began_at) / 1e6, local, remote,
		 (int)strnlen(s->agreed, sizeof(s->agreed)), s->agreed);
	if (s->up_at >= s->began_at && s->up_at)
		say(list, sentence);
	if (*s->child) {
		snprintf(sentence, sizeof(sentence), "The newest child has %.*s.", (int)strnlen(s->child, sizeof(s->child)), s->child);
		say(list, sentence);
	}
	snprintf(sentence, sizeof(sentence), "Since then: %u rekey%s of the IKE SA, %u of children; %u time%s the kernel lost an SA.",
		 s->ike_rekeys, plural(s->ike_rekeys), s->child_rekeys, s->lost, plural(s->lost));
	say(list, sentence);
}

static void say_under_way(json_t *list, const struct engine_story *s)
{
	char sentence[SENTENCE_MAX];

	if (s->sendings)
		snprintf(sentence, sizeof(sentence), "It is under way: %.*s has been sent %u time%s and not been answered yet.",
			 (int)strnlen(s->exchange, sizeof(s->exchange)), s->exchange, s->sendings, plural(s->sendings));
	else
		snprintf(sentence, sizeof(sentence), "It is under way; the next message is the peer's.");
	say(list, sentence);
}

static void say_steps(json_t *list, const struct engine_story *s, double wall)
{
	unsigned n = s->nsteps < STORY_STEPS_MAX ? s->nsteps : STORY_STEPS_MAX;

	for (unsigned i = 0; i < n; i++) {
		const struct story_step *st = &s->steps[i];
		char when[EXPLAIN_TIME_LEN];

		json_array_append_new(list, json_pack("{s:s, s:f, s:o, s:o, s:i, s:o}",
			"time", explain_time(wall_of(st->at, wall), when), "after", ((double)st->at - (double)s->began_at) / 1e6,
			"exchange", render_text(st->exchange, sizeof(st->exchange)),
			"result", render_text(st->result, sizeof(st->result)), "times", st->times,
			"text", render_text(st->text, sizeof(st->text))));
	}
}

/* Texts that a story may or may not have; null where there is none. */
static void put_texts(json_t *o, const struct engine_story *s)
{
#define MEMBER(m) { #m, s->m, sizeof(s->m) }
	const struct {
		const char *key, *text;
		size_t n;
	} texts[] = {
		MEMBER(exchange), MEMBER(agreed), MEMBER(child), MEMBER(ours), MEMBER(theirs), MEMBER(differs), MEMBER(setting),
		MEMBER(setting_at), MEMBER(section_at), MEMBER(secret_at), MEMBER(policy), MEMBER(policy_wanted), MEMBER(text),
	};
#undef MEMBER

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(o, texts[i].key, *texts[i].text ? render_text(texts[i].text, texts[i].n) : json_null());
}

static void put_times(json_t *o, const struct engine_story *s, double wall)
{
	const struct {
		const char *key;
		uint64_t at;
	} times[] = { { "began", s->began_at }, { "first", s->first_at }, { "up", s->up_at }, { "ended", s->ended_at } };
	char when[EXPLAIN_TIME_LEN];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		json_object_set_new(o, times[i].key, times[i].at ? json_string(explain_time(wall_of(times[i].at, wall), when)) :
								   json_null());
}

json_t *explain_story(const struct engine_story *s, double wall)
{
	const struct reason *why = reason_by_number(s->reason);
	json_t *story = json_array(), *change = json_array(), *steps = json_array(), *o;

	say_beginning(story, s, wall);
	say_steps(steps, s, wall);
	if (s->outcome == STORY_UNDER_WAY)
		say_under_way(story, s);
	if (s->up_at)
		say_up(story, s);
	if (s->settled)
		say(story, "Since then it has come up: what stands here was put right, or has passed.");
	if (s->outcome == STORY_FAILED || s->outcome == STORY_ENDED) {
		say_templates(story, s, why->happened);
		say_templates(change, s, why->change);
	}
	o = json_pack("{s:s, s:s, s:b, s:s?, s:s, s:o, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o, s:I, s:i, s:s?, s:I, s:I, s:I, "
		      "s:I, s:i, s:o, s:o, s:o}",
		      "what", whats[s->what < STORY_WHATS ? s->what : 0],
		      "outcome", outcomes[s->outcome < STORY_OUTCOMES ? s->outcome : 0],
		      "settled", s->settled, "reason", s->reason ? why->name : NULL, "role", s->initiator ? "initiator" : "responder",
		      "peer", render_text(s->peer, sizeof(s->peer)), "local", render_addr(&s->local),
		      "local_port", s->local_port, "remote", render_addr(&s->remote), "remote_port", s->remote_port,
		      "local_id", render_id(&s->local_id), "remote_id", render_id(&s->remote_id),
		      "spi_i", render_spi64(s->spi_i), "spi_r", render_spi64(s->spi_r), "times", (json_int_t)s->times,
		      "notify", s->notify, "notify_by", !s->notify ? NULL : s->notify_ours ? "us" : "peer",
		      "ike_rekeys", (json_int_t)s->ike_rekeys, "child_rekeys", (json_int_t)s->child_rekeys,
		      "children", (json_int_t)s->children, "lost", (json_int_t)s->lost, "steps_left_out", s->left_out,
		      "steps", steps, "story", story, "change", change);
	if (!o)
		return NULL;
	put_texts(o, s);
	put_times(o, s, wall);
	return o;
}

json_t *explain_end(const struct engine_explain_end *end, const char *peer)
{
	json_t *story = json_array(), *change = json_array();
	char sentence[SENTENCE_MAX], at[STORY_PLACE_MAX], secrets[STORY_PLACE_MAX];

	snprintf(at, sizeof(at), "%.*s", (int)strnlen(end->section_at, sizeof(end->section_at)), end->section_at);
	snprintf(secrets, sizeof(secrets), "%.*s", (int)strnlen(end->secrets_file, sizeof(end->secrets_file)), end->secrets_file);
	if (!end->n && *peer) {
		snprintf(sentence, sizeof(sentence), "Nothing has been tried with \"%.200s\" since keyd was started, and nothing came from it.",
			 peer);
		say(story, sentence);
		if (end->known)
			snprintf(sentence, sizeof(sentence), "Its section is at %s.", at);
		else
			snprintf(sentence, sizeof(sentence), "No section of keyd.conf is about it: the defaults hold%s%s.",
				 *secrets ? ", with the secrets of " : "", secrets);
		say(story, sentence);
		snprintf(sentence, sizeof(sentence), "%u policies of the kernel ask for ESP with it.", end->policies);
		say(story, sentence);
		if (end->policies)
			snprintf(sentence, sizeof(sentence), "Send a packet that a policy covers, or \"keydctl up %.200s\".", peer);
		else
			snprintf(sentence, sizeof(sentence), "Load policies with setkey -f first: without one, no packet asks for keys, "
				 "and nothing that the peer asks for is agreed to.");
		say(change, sentence);
	} else if (!end->n) {
		say(story, "No attempt has failed lately.");
	}
	return json_pack("{s:b, s:I, s:I, s:o, s:o, s:o, s:o}", "known", end->known, "policies", (json_int_t)end->policies,
			 "established", (json_int_t)end->established, "section_at", render_text(at, sizeof(at)),
			 "secrets_file", render_text(secrets, sizeof(secrets)), "story", story, "change", change);
}
