// SPDX-License-Identifier: MIT
// The states of a token.
#include "keyd/card/token.h"

#include <stddef.h>

#define SECOND 1000000ull

#define STAY TOKEN_STATES

/* Where each event leads. STAY: it says nothing new there. */
static const uint8_t steps[TOKEN_STATES][TOKEN_EVENTS] = {
#define ROW(seen_open, seen, seen_blocked, done, wrong, blocked, out, error) {						\
	[TOKEN_SEEN_OPEN] = seen_open, [TOKEN_SEEN] = seen, [TOKEN_SEEN_BLOCKED] = seen_blocked, [TOKEN_GONE] = TOKEN_ABSENT,	\
	[TOKEN_LOGIN_DONE] = done, [TOKEN_LOGIN_WRONG] = wrong, [TOKEN_LOGIN_BLOCKED] = blocked,			\
	[TOKEN_LOGIN_CANCELLED] = STAY, [TOKEN_LOGIN_UNUSED] = STAY, [TOKEN_LOGGED_OUT] = out, [TOKEN_ERROR] = error,	\
	[TOKEN_LOST] = error }
	/* An answer of what is not there any more came too late: it is there when it is seen. */
	[TOKEN_ABSENT] = ROW(TOKEN_PRESENT, TOKEN_LOCKED, TOKEN_BLOCKED, STAY, STAY, STAY, STAY, STAY),
	/* One that wants no PIN may want one for some of its keys. */
	[TOKEN_PRESENT] = ROW(STAY, TOKEN_LOCKED, TOKEN_BLOCKED, TOKEN_UNLOCKED, TOKEN_LOCKED, TOKEN_BLOCKED,
			      TOKEN_LOCKED, TOKEN_FAILING),
	[TOKEN_LOCKED] = ROW(TOKEN_PRESENT, STAY, TOKEN_BLOCKED, TOKEN_UNLOCKED, STAY, TOKEN_BLOCKED,
			     STAY, TOKEN_FAILING),
	/* Our login goes on whatever the token says to others; a PIN for one signature may fail all the same. */
	[TOKEN_UNLOCKED] = ROW(STAY, STAY, STAY, STAY, TOKEN_LOCKED, TOKEN_BLOCKED,
			       TOKEN_LOCKED, TOKEN_FAILING),
	/* Here, too, while its module is restarted: that nothing is known of it is no reason to think it pulled. */
	[TOKEN_FAILING] = ROW(TOKEN_PRESENT, TOKEN_LOCKED, TOKEN_BLOCKED, TOKEN_UNLOCKED, TOKEN_LOCKED, TOKEN_BLOCKED,
			      STAY, STAY),
	/* It is unblocked with other programs, and then seen without the flag. */
	[TOKEN_BLOCKED] = ROW(TOKEN_PRESENT, TOKEN_LOCKED, STAY, TOKEN_UNLOCKED, STAY, STAY,
			      STAY, TOKEN_FAILING),
#undef ROW
};

void token_init(struct token *t, uint8_t floor)
{
	*t = (struct token){ .tries = TOKEN_TRIES_UNKNOWN, .floor = floor };
}

const char *token_state_name(enum token_state s)
{
	static const char *const names[TOKEN_STATES] = {
		[TOKEN_ABSENT] = "absent", [TOKEN_PRESENT] = "present", [TOKEN_LOCKED] = "locked",
		[TOKEN_UNLOCKED] = "unlocked", [TOKEN_FAILING] = "failing", [TOKEN_BLOCKED] = "blocked",
	};

	return s < TOKEN_STATES ? names[s] : "unknown";
}

/* A token that does not tell how often it may be tried is counted for: some never say, some only to the process that failed. */
static void count_tries(struct token *t, enum token_event ev, int tries)
{
	if (ev == TOKEN_LOGIN_BLOCKED || ev == TOKEN_SEEN_BLOCKED)
		t->tries = 0;
	else if (tries >= 0)
		t->tries = tries > UINT8_MAX ? UINT8_MAX : (uint8_t)tries;
	else if (ev == TOKEN_LOGIN_WRONG)
		t->tries = t->tries > 1 ? t->tries - 1 : 1;	/* it would have said that it is blocked */
	else if (ev == TOKEN_LOGIN_DONE || (t->state == TOKEN_BLOCKED && (ev == TOKEN_SEEN || ev == TOKEN_SEEN_OPEN)))
		t->tries = TOKEN_TRIES_UNKNOWN;
}

/* What becomes of the PIN on trial. It stays a bad one unless it was right, or not looked at: anything else may have cost a try. */
static void end_trial(struct token *t, enum token_event ev)
{
	static const bool ends[TOKEN_EVENTS] = {
		[TOKEN_GONE] = true, [TOKEN_LOGIN_DONE] = true, [TOKEN_LOGIN_WRONG] = true, [TOKEN_LOGIN_BLOCKED] = true,
		[TOKEN_LOGIN_CANCELLED] = true, [TOKEN_LOGIN_UNUSED] = true, [TOKEN_ERROR] = true, [TOKEN_LOST] = true,
	};

	if (ev == TOKEN_LOGIN_DONE || ev == TOKEN_LOGIN_UNUSED)
		t->bad[t->trial.from] = 0;
	if (ends[ev])
		t->trial = (struct token_pin){ 0 };
}

bool token_event(struct token *t, enum token_event ev, int tries, uint64_t now)
{
	enum token_state next = steps[t->state][ev];

	count_tries(t, ev, tries);
	end_trial(t, ev);
	if (ev == TOKEN_ERROR)
		t->errors++;
	else if (ev == TOKEN_LOGIN_DONE)
		t->errors = 0;
	if (next == STAY || next == t->state)
		return false;
	t->state = next;
	t->since = now;
	return true;
}

static enum token_need pin_need(const struct token *t, const struct token_pin *pin)
{
	switch (pin->from) {
	case TOKEN_PIN_HUMAN:
	case TOKEN_PIN_PAD_HUMAN:
		return TOKEN_LOGIN;
	case TOKEN_PIN_CONFIGURED:
	case TOKEN_PIN_KEPT:
	case TOKEN_PIN_PAD:
		if (pin->stamp == t->bad[pin->from])
			return TOKEN_WANT_OTHER_PIN;
		return t->tries < t->floor ? TOKEN_WANT_HUMAN : TOKEN_LOGIN;
	default:
		return TOKEN_WANT_PIN;
	}
}

enum token_need token_open_need(const struct token *t)
{
	return t->state == TOKEN_ABSENT ? TOKEN_WANT_TOKEN : t->state == TOKEN_FAILING ? TOKEN_WANT_CURE : TOKEN_READY;
}

enum token_need token_need(const struct token *t, const struct token_pin *pin, bool each)
{
	static const uint8_t fixed[TOKEN_STATES] = {
		[TOKEN_ABSENT] = TOKEN_WANT_TOKEN, [TOKEN_FAILING] = TOKEN_WANT_CURE, [TOKEN_BLOCKED] = TOKEN_WANT_UNBLOCK,
	};
	bool open = t->state == TOKEN_PRESENT || t->state == TOKEN_UNLOCKED;

	if (fixed[t->state])
		return fixed[t->state];
	if (t->trial.from != TOKEN_PIN_NONE)
		return TOKEN_WANT_TIME;
	if (open && (!each || pin->from == TOKEN_PIN_NONE))
		return each ? TOKEN_WANT_PIN_EACH : TOKEN_READY;
	return pin_need(t, pin);
}

const char *token_need_text(enum token_need n)
{
	static const char pin_each[] =
		"wants the PIN for each signature with this key, and there is none: \"keydctl token unlock\" gives it "
		"for one, \"pin ask keep\" in keyd.conf keeps it for all";
	static const char *const texts[TOKEN_NEEDS] = {
		[TOKEN_READY] = "is ready",
		[TOKEN_LOGIN] = "can be unlocked",
		[TOKEN_WANT_TOKEN] = "is not there",
		[TOKEN_WANT_PIN] = "is locked, and there is no PIN",
		[TOKEN_WANT_OTHER_PIN] = "is locked, and its PIN has failed before; it is not tried again",
		[TOKEN_WANT_HUMAN] = "is locked, and so few tries are left that the PIN must be entered by hand",
		[TOKEN_WANT_UNBLOCK] = "has a blocked PIN: it has to be unblocked with the tools that come with it",
		[TOKEN_WANT_CURE] = "answers with errors",
		[TOKEN_WANT_TIME] = "is being unlocked",
		[TOKEN_WANT_RELEASE] = "was locked by hand, and stays so until somebody says \"keydctl token unlock\"",
		[TOKEN_WANT_PIN_EACH] = pin_each,
	};

	return n < TOKEN_NEEDS ? texts[n] : "is in an unknown state";
}

int token_login_begin(struct token *t, const struct token_pin *pin, bool each)
{
	if (token_need(t, pin, each) != TOKEN_LOGIN)
		return -1;
	t->trial = *pin;
	t->bad[pin->from] = pin->stamp;
	return 0;
}

enum token_pulled token_pulled(const struct token *t, const struct token_pulled_rule *r, uint64_t now, uint64_t *deadline)
{
	uint64_t due = t->since + r->after * SECOND;

	*deadline = UINT64_MAX;
	if (t->state != TOKEN_ABSENT)
		return TOKEN_PULLED_KEEP;
	if (r->what != TOKEN_PULLED_DOWN || now >= due)
		return r->what;
	*deadline = due;
	return TOKEN_PULLED_KEEP;
}
