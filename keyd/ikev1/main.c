// SPDX-License-Identifier: MIT
// Main mode and aggressive mode as rows of steps (RFC 2409 5).
#include "keyd/ikev1/cert.h"
#include "keyd/ikev1/nat.h"

#define KE_NONCE (V1_BIT(ISAKMP_PL_KE) | V1_BIT(ISAKMP_PL_NONCE))

/* --- main mode: six messages, the last two encrypted --- */

static int put_offer(struct exchange *x, struct wire_out *out)
{
	if (v1_put_offer(x, out, false))
		return -1;
	v1_put_vendors(x, out);
	return 0;
}

static void take_offer(struct exchange *x)
{
	if (v1_take_offer(x))
		v1_phase1_on(x);
}

static int put_choice(struct exchange *x, struct wire_out *out)
{
	if (v1_put_choice(x, out))
		return -1;
	v1_put_vendors(x, out);
	return 0;
}

static void go_on(struct exchange *x, const char *why)
{
	if (why)
		v1_phase1_doubt(x, 0, why);
	else
		v1_phase1_on(x);
}

static void take_choice(struct exchange *x)
{
	go_on(x, v1_take_choice(x));
}

static void take_kex(struct exchange *x)
{
	const char *why = v1_take_kex(x);

	if (!why) {
		v1_nat_take(x);
		v1_take_requests(x);
	}
	go_on(x, why);
}

static int put_kex(struct exchange *x, struct wire_out *out)
{
	if (v1_put_kex(x, out))
		return -1;
	v1_put_requests(x, out);
	v1_nat_put(x, out);
	return 0;
}

static void make_keys(struct exchange *x)
{
	v1_keys(x, v1_phase1_ready);
}

static void make_keys_and_proof(struct exchange *x)
{
	v1_keys(x, v1_prove);
}

static int put_proof(struct exchange *x, struct wire_out *out)
{
	if (v1_put_id(x, out) || v1_put_proof(x, out))
		return -1;
	v1_put_contact(x, out);
	return 0;
}

static void take_proof(struct exchange *x)
{
	const char *why = v1_take_id(x);

	if (why)
		v1_phase1_refuse(x, ISAKMP_N_INVALID_ID_INFORMATION, why);
	else
		v1_judge(x);
}

static const struct v1_step main_steps[] = {
	{ .name = "message 1", .must = V1_BIT(ISAKMP_PL_SA), .put = put_offer, .take = take_offer },
	{ .name = "message 2", .must = V1_BIT(ISAKMP_PL_SA), .put = put_choice, .take = take_choice },
	{ .name = "message 3", .must = KE_NONCE, .put = put_kex, .take = take_kex },
	{ .name = "message 4", .must = KE_NONCE, .ready = make_keys, .put = put_kex, .take = take_kex },
	{ .name = "message 5", .must = V1_BIT(ISAKMP_PL_ID), .proves = true, .secret = true, .ready = make_keys_and_proof, .put = put_proof,
	  .take = take_proof },
	{ .name = "message 6", .must = V1_BIT(ISAKMP_PL_ID), .proves = true, .secret = true, .ready = v1_prove, .put = put_proof,
	  .take = take_proof },
};

const struct v1_phase1 v1_main_mode = {
	.name = "Main Mode", .type = ISAKMP_EXCH_MAIN, .n = sizeof(main_steps) / sizeof(main_steps[0]), .step = main_steps,
};

/* --- aggressive mode: three messages, identities in clear --- */

static int put_all(struct exchange *x, struct wire_out *out)
{
	if (v1_put_offer(x, out, true) || v1_put_kex(x, out) || v1_put_id(x, out))
		return -1;
	v1_put_requests(x, out);
	v1_put_vendors(x, out);
	return 0;
}

static void take_all(struct exchange *x)
{
	const char *why;

	v1_take_vendors(x);
	why = v1_take_id(x);
	if (why) {
		v1_phase1_refuse(x, ISAKMP_N_INVALID_ID_INFORMATION, why);
		return;
	}
	if (!v1_take_offer(x))
		return;
	v1_take_requests(x);
	why = v1_take_kex(x);
	if (why)
		v1_phase1_refuse(x, ISAKMP_N_INVALID_KEY_INFORMATION, why);
	else
		v1_phase1_on(x);
}

/* Our identity goes into the proof: it is chosen when the peer's is known. */
static int put_answer(struct exchange *x, struct wire_out *out)
{
	if (v1_put_choice(x, out) || v1_put_kex(x, out) || v1_put_id(x, out) || v1_put_proof(x, out))
		return -1;
	v1_put_requests(x, out);
	v1_put_vendors(x, out);
	v1_nat_put(x, out);
	return 0;
}

static void take_answer(struct exchange *x)
{
	const char *why = v1_take_choice(x);

	if (!why)
		why = v1_take_kex(x);
	if (!why) {
		v1_nat_take(x);
		v1_take_requests(x);
		why = v1_take_id(x);
	}
	if (why)
		v1_phase1_doubt(x, 0, why);
	else
		v1_keys(x, v1_judge);
}

static int put_last(struct exchange *x, struct wire_out *out)
{
	if (v1_put_proof(x, out))
		return -1;
	v1_put_contact(x, out);
	v1_nat_put(x, out);
	return 0;
}

static const struct v1_step aggressive_steps[] = {
	{ .name = "message 1", .must = V1_BIT(ISAKMP_PL_SA) | KE_NONCE | V1_BIT(ISAKMP_PL_ID), .put = put_all, .take = take_all },
	{ .name = "message 2", .must = V1_BIT(ISAKMP_PL_SA) | KE_NONCE | V1_BIT(ISAKMP_PL_ID), .proves = true, .ready = make_keys_and_proof,
	  .put = put_answer, .take = take_answer },
	{ .name = "message 3", .proves = true, .secret = true, .ready = v1_prove, .put = put_last, .take = v1_judge,
	  .believed = v1_nat_take },
};

const struct v1_phase1 v1_aggressive_mode = {
	.name = "Aggressive Mode", .type = ISAKMP_EXCH_AGGRESSIVE, .n = sizeof(aggressive_steps) / sizeof(aggressive_steps[0]),
	.step = aggressive_steps,
};
