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

static const char *const whats[STORY_WHATS] = {
	[STORY_IKE_SA] = "ike-sa", [STORY_CHILD] = "child", [STORY_REKEY_CHILD] = "child-rekey",
	[STORY_REKEY_IKE] = "ike-rekey",
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

/* When, who, from where to where; and how often. */
static void say_beginning(json_t *list, const struct engine_story *s, double wall)
{
	static const char *const templates[] = {
		"{?initiator}we began {what} with {peer}, from {local} port {lport} to {remote} port {rport}.",
		"{!initiator}the peer began {what}: {peer}, to us at {local} port {lport} from {remote} port {rport}.",
	};
	char when[EXPLAIN_TIME_LEN], filled[SENTENCE_MAX - EXPLAIN_TIME_LEN - 2], sentence[SENTENCE_MAX];

	for (unsigned i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		if (!explain_fill(s, templates[i], filled, sizeof(filled)))
			continue;
		snprintf(sentence, sizeof(sentence), "%s: %s", explain_time(wall_of(s->began_at, wall), when), filled);
		say(list, sentence);
	}
	if (s->times < 2)
		return;
	snprintf(sentence, sizeof(sentence), "It failed in this way %u times since %s; this is the last time.", s->times,
		 explain_time(wall_of(s->first_at, wall), when));
	say(list, sentence);
}

static const char *const up_templates[REASON_SENTENCES] = {
	"It came up after {took} s: we are \"{local_id}\", the peer proved to be \"{remote_id}\"; IKE uses {agreed}.",
	"The newest child has {child}.",
	"Since then: rekeys of the IKE SA: {ike_rekeys}; of children: {child_rekeys}; SAs that the kernel lost: {lost}.",
};
static const char *const under_way_templates[REASON_SENTENCES] = {
	"{?asking}It is under way: {exchange} has been sent and not been answered yet; sendings: {sendings}.",
	"{!asking}It is under way; the next message is the peer's.",
};

static void say_steps(json_t *list, const struct engine_story *s, double wall)
{
	unsigned n = s->nsteps < STORY_STEPS_MAX ? s->nsteps : STORY_STEPS_MAX;

	for (unsigned i = 0; i < n; i++) {
		const struct story_step *st = &s->steps[i];
		char when[EXPLAIN_TIME_LEN];

		json_array_append_new(list, json_pack("{s:s, s:f, s:o, s:o, s:i, s:o}",
			"time", explain_time(wall_of(st->at, wall), when),
			"after", ((double)st->at - (double)s->began_at) / 1e6,
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
		MEMBER(exchange), MEMBER(agreed), MEMBER(child), MEMBER(ours), MEMBER(theirs), MEMBER(differs),
		MEMBER(setting), MEMBER(setting_at), MEMBER(section_at), MEMBER(secret_at), MEMBER(policy),
		MEMBER(policy_wanted), MEMBER(text),
	};
#undef MEMBER

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(o, texts[i].key,
				    *texts[i].text ? render_text(texts[i].text, texts[i].n) : json_null());
}

static void put_times(json_t *o, const struct engine_story *s, double wall)
{
	const struct {
		const char *key;
		uint64_t at;
	} times[] = { { "began", s->began_at }, { "first", s->first_at }, { "up", s->up_at }, { "ended", s->ended_at } };
	char when[EXPLAIN_TIME_LEN];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		json_object_set_new(o, times[i].key, !times[i].at ? json_null() :
				    json_string(explain_time(wall_of(times[i].at, wall), when)));
}

json_t *explain_story(const struct engine_story *s, double wall)
{
	const struct reason *why = reason_by_number(s->reason);
	json_t *story = json_array(), *change = json_array(), *steps = json_array(), *o;

	say_beginning(story, s, wall);
	say_steps(steps, s, wall);
	if (s->outcome == STORY_UNDER_WAY)
		say_templates(story, s, under_way_templates);
	if (s->up_at)
		say_templates(story, s, up_templates);
	if (s->settled)
		say(story, "Since then it has come up: what stands here was put right, or has passed.");
	if (s->outcome == STORY_FAILED || s->outcome == STORY_ENDED) {
		say_templates(story, s, why->happened);
		say_templates(change, s, why->change);
	}
	o = json_pack("{s:s, s:s, s:b, s:s?, s:s, s:o, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o, s:I, s:i, s:s?, s:I, "
			"s:I, s:I, "
		      "s:I, s:i, s:o, s:o, s:o}",
		      "what", whats[s->what < STORY_WHATS ? s->what : 0],
		      "outcome", outcomes[s->outcome < STORY_OUTCOMES ? s->outcome : 0],
		      "settled", s->settled, "reason", s->reason ? why->name : NULL,
		      "role", s->initiator ? "initiator" : "responder",
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
	snprintf(secrets, sizeof(secrets), "%.*s", (int)strnlen(end->secrets_file, sizeof(end->secrets_file)),
		 end->secrets_file);
	if (!end->n && *peer) {
		snprintf(sentence, sizeof(sentence), "Nothing has been tried with \"%.200s\" since keyd was started, "
				"and nothing came from it.",
			 peer);
		say(story, sentence);
		if (end->known)
			snprintf(sentence, sizeof(sentence), "Its section is at %s.", at);
		else
			snprintf(sentence, sizeof(sentence), "No section of keyd.conf is about it: the defaults "
					"hold%s%s.",
				 *secrets ? ", with the secrets of " : "", secrets);
		say(story, sentence);
		snprintf(sentence, sizeof(sentence), "%u policies of the kernel ask for ESP with it.", end->policies);
		say(story, sentence);
		if (end->policies)
			snprintf(sentence, sizeof(sentence), "Send a packet that a policy covers, or \"keydctl up "
					"%.200s\".", peer);
		else
			snprintf(sentence, sizeof(sentence), "Load policies with setkey -f first: without one, no "
					"packet asks for keys, "
				 "and nothing that the peer asks for is agreed to.");
		say(change, sentence);
	} else if (!end->n) {
		say(story, "No attempt has failed lately.");
	}
	return json_pack("{s:b, s:I, s:I, s:o, s:o, s:o, "
			"s:o}", "known", end->known, "policies", (json_int_t)end->policies,
			 "established", (json_int_t)end->established, "section_at", render_text(at, sizeof(at)),
			 "secrets_file", render_text(secrets, sizeof(secrets)), "story", story, "change", change);
}
