// SPDX-License-Identifier: MIT
// The fetch role: gets revocation lists and OCSP answers by http. It has no key, and believes nothing of what it gets.
#include "keyd/roles/worker.h"

static int start(struct worker *w)
{
	worker_ready(w, "");
	return 0;
}

static const struct ipc_rule from_parent[] = {
	{ 0 },
};
static const struct ipc_rule from_trust[] = {
	{ 0 },
};

const struct role role_fetch = {
	.name = "fetch",
	.title = "keyd: fetch",
	.who = "keyd[fetch]",
	.start = start,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_TRUST] = from_trust },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.undumpable = true,
};
