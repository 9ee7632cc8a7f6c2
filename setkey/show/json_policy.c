// SPDX-License-Identifier: MIT
/* A policy as JSON. */
#include "setkey/show/json.h"

#include "setkey/show/json_put.h"

static json_t *template(const struct ipsec_tmpl *t)
{
	struct json_put p = json_put_begin();

	json_put_proto(&p, t->proto);
	json_put_mode(&p, t->mode);
	json_put_addr(&p, "src", &t->src);
	json_put_addr(&p, "dst", &t->dst);
	json_put_text(&p, "level", t->optional ? "use" : "require");
	json_put_uint(&p, "reqid", t->reqid);
	json_put_some(&p, "spi", t->spi);
	return json_put_end(&p);
}

static void put_templates(struct json_put *p, const struct ipsec_policy *pol)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < pol->ntmpl && i < IPSEC_TMPL_MAX; i++)
		if (json_array_append_new(list, template(&pol->tmpl[i])))
			p->failed = true;
	json_put(p, "templates", list);
}

static const char *const flag_names[] = { "localok", "icmp" };

json_t *json_policy(const struct ipsec_policy *pol)
{
	struct json_put p = json_put_begin(), usage = json_put_begin();

	json_put_dir(&p, pol->dir);
	json_put_text(&p, "action", pol->action == IPSEC_ACTION_BLOCK ? "discard" : pol->ntmpl ? "ipsec" : "none");
	json_put_uint(&p, "priority", pol->priority);
	json_put_uint(&p, "index", pol->index);
	json_put_text(&p, "ptype", pol->type ? "sub" : "main");
	json_put_selector(&p, "selector", &pol->sel);
	put_templates(&p, pol);
	json_put_flags(&p, flag_names, sizeof(flag_names) / sizeof(flag_names[0]), pol->flags);
	if (pol->socket)
		json_put(&p, "socket", json_true());
	json_put_mark(&p, "mark", &pol->mark);
	json_put_some(&p, "if_id", pol->if_id);
	json_put_offload(&p, &pol->offload, false);
	if (pol->ctx[0])
		json_put_text(&p, "context", pol->ctx);
	json_put_lifetime(&p, &pol->soft, &pol->hard);
	json_put_uint(&usage, "bytes", pol->usage.bytes);
	json_put_uint(&usage, "packets", pol->usage.packets);
	json_put_uint(&usage, "add_time", pol->usage.add_time);
	json_put_uint(&usage, "use_time", pol->usage.use_time);
	json_put(&p, "usage", json_put_end(&usage));
	return json_put_end(&p);
}
