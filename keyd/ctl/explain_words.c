// SPDX-License-Identifier: MIT
// The words that templates of sentences have in braces, and what each stands for in a story.
#include "keyd/conf/id.h"
#include "keyd/ctl/explain.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 1400		/* an identity with each byte escaped fits */

static const char *const what_words[STORY_WHATS] = {
	[STORY_IKE_SA] = "an IKE SA", [STORY_CHILD] = "a child SA", [STORY_REKEY_CHILD] = "the rekey of a child SA",
	[STORY_REKEY_IKE] = "the rekey of the IKE SA",
};

/* What came back by ICMP (RFC 792, RFC 4443: types 3 and 1). */
static const char *icmp_text(const struct engine_story *s)
{
	static const char *const v4[] = {
		"network unreachable", "host unreachable", "protocol unreachable", "port unreachable",
		[9] = "network prohibited", [10] = "host prohibited", [13] = "communication prohibited by a filter",
	};
	static const char *const v6[] = {
		"no route", "communication prohibited by a filter", "beyond scope", "address unreachable",
		"port unreachable",
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
#define NUMBER_WORD(name, number)								\
	static void word_##name(const struct engine_story *s, char *out)			\
	{											\
		snprintf(out, WORD_MAX, "%u", (unsigned int)(number));				\
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
TEXT_WORD(agreed, agreed)
TEXT_WORD(child, child)
TEXT_WORD(exchange, exchange)
NUMBER_WORD(rport, s->remote_port)
NUMBER_WORD(lport, s->local_port)
NUMBER_WORD(sendings, s->sendings)
NUMBER_WORD(ike_rekeys, s->ike_rekeys)
NUMBER_WORD(child_rekeys, s->child_rekeys)
NUMBER_WORD(lost, s->lost)
FLAG_WORD(default, *s->setting && !*s->setting_at)
FLAG_WORD(notify_ours, s->notify_ours)
FLAG_WORD(initiator, s->initiator)
FLAG_WORD(asking, s->sendings)
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

static void word_what(const struct engine_story *s, char *out)
{
	snprintf(out, WORD_MAX, "%s", what_words[s->what < STORY_WHATS ? s->what : 0]);
}

static void word_took(const struct engine_story *s, char *out)
{
	*out = 0;
	if (s->up_at && s->up_at >= s->began_at)
		snprintf(out, WORD_MAX, "%.3f", (double)(s->up_at - s->began_at) / 1e6);
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
	{ "lport", word_lport }, { "remote_id", word_remote_id }, { "local_id", word_local_id },
	{ "peer_id", word_peer_id }, { "initiator", word_initiator }, { "what", word_what },
	{ "ours", word_ours }, { "theirs", word_theirs }, { "usable", word_usable }, { "differs", word_differs },
	{ "at", word_at }, { "default", word_default }, { "section", word_section }, { "secret", word_secret },
	{ "secrets", word_secrets }, { "policy", word_policy }, { "wanted", word_wanted },
	{ "text", word_text_ }, { "notify_ours", word_notify_ours },
	{ "icmp", word_icmp }, { "refused", word_refused }, { "unreachable", word_unreachable },
	{ "exchange", word_exchange }, { "asking", word_asking },
	{ "sendings", word_sendings }, { "took", word_took }, { "agreed", word_agreed }, { "child", word_child },
	{ "ike_rekeys", word_ike_rekeys }, { "child_rekeys", word_child_rekeys }, { "lost", word_lost },
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
