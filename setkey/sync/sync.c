// SPDX-License-Identifier: MIT
/* "setkey --sync" and "--check": the script's wishes, the kernel's state, the difference, and then the deeds. */
#include "setkey/sync/sync.h"

#include "setkey/sync/do.h"
#include "setkey/sync/model.h"
#include "setkey/sync/plan.h"
#include "setkey/sync/tell.h"

int sync_run(struct apply *ap, const struct script *sc, const struct sync_options *opt)
{
	struct sync_model m = { 0 };
	struct sync_plan plan = { 0 };
	int err;

	err = sync_model_read(&m, ap, sc);
	if (err)
		goto out;
	reqids_reserve(&ap->reqids, ap->ip, sc);
	err = sync_plan_make(&plan, &m, ap);
	if (err)
		goto out;
	if (plan.keys_trusted)
		sync_say(ap, "This kernel does not show keys: they are taken to be as the file has them");
	if (!opt->check)
		err = sync_do(&plan, ap, opt->drain_ms);
	if (!err && (opt->check || opt->json || ap->verbose))
		err = sync_tell_plan(&plan, ap, opt->json, !opt->check);
out:
	reqids_clear(&ap->reqids);
	sync_plan_clear(&plan);
	sync_model_clear(&m);
	return err;
}
