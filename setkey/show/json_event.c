// SPDX-License-Identifier: MIT
/* An event as JSON: "event" has its name, the other members what it is about. */
#include "setkey/show/json.h"

#include "setkey/show/json_put.h"
#include "setkey/show/monitor.h"

static void put_acquire(struct json_put *p, const struct ipsec_event *ev)
{
	json_put_uint(p, "seq", ev->acquire.seq);
	json_put_addr(p, "src", &ev->acquire.src);
	json_put_addr(p, "dst", &ev->acquire.dst);
	json_put_proto(p, ev->acquire.proto);
	json_put_selector(p, "selector", &ev->acquire.sel);
	json_put_uint(p, "template", ev->acquire.tmpl);
	json_put(p, "policy", json_policy(&ev->acquire.policy));
}

static void put_sa_id(struct json_put *p, const struct ipsec_sa_id *id)
{
	json_put_addr(p, "dst", &id->dst);
	json_put_proto(p, id->proto);
	json_put_uint(p, "spi", id->spi);
	json_put_mark(p, "mark", &id->mark);
}

static void put_migrate(struct json_put *p, const struct ipsec_event *ev)
{
	json_put_selector(p, "selector", &ev->migrate.sel);
	json_put_dir(p, ev->migrate.dir);
	json_put_addr(p, "old_src", &ev->migrate.old_src);
	json_put_addr(p, "old_dst", &ev->migrate.old_dst);
	json_put_addr(p, "new_src", &ev->migrate.new_src);
	json_put_addr(p, "new_dst", &ev->migrate.new_dst);
	json_put_proto(p, ev->migrate.proto);
	json_put_mode(p, ev->migrate.mode);
	json_put_uint(p, "reqid", ev->migrate.reqid);
}

static void put_mapping(struct json_put *p, const struct ipsec_event *ev)
{
	put_sa_id(p, &ev->mapping.id);
	json_put_uint(p, "reqid", ev->mapping.reqid);
	json_put_addr(p, "old_addr", &ev->mapping.old_addr);
	json_put_uint(p, "old_port", ev->mapping.old_port);
	json_put_addr(p, "new_addr", &ev->mapping.new_addr);
	json_put_uint(p, "new_port", ev->mapping.new_port);
}

static void put_ae(struct json_put *p, const struct ipsec_ae *ae)
{
	json_put_addr(p, "src", &ae->src);
	put_sa_id(p, &ae->id);
	json_put_uint(p, "reqid", ae->reqid);
	json_put_uint(p, "seq", ae->seq);
	json_put_uint(p, "oseq", ae->oseq);
	json_put_uint(p, "bytes", ae->bytes);
	json_put_uint(p, "packets", ae->packets);
}

static void put_body(struct json_put *p, const struct ipsec_event *ev, bool keys)
{
	switch (ev->type) {
	case IPSEC_EVENT_ACQUIRE:
		put_acquire(p, ev);
		break;
	case IPSEC_EVENT_EXPIRE:
		json_put(p, "hard", json_boolean(ev->expire.hard));
		json_put(p, "sa", json_sa(&ev->expire.sa, false));
		break;
	case IPSEC_EVENT_SA_NEW:
	case IPSEC_EVENT_SA_UPDATE:
		json_put(p, "sa", json_sa(&ev->sa, keys));
		break;
	case IPSEC_EVENT_SA_DELETE:
		put_sa_id(p, &ev->sa_id);
		break;
	case IPSEC_EVENT_SA_FLUSH:
		json_put_proto(p, ev->flush_proto);
		break;
	case IPSEC_EVENT_POLICY_NEW:
	case IPSEC_EVENT_POLICY_UPDATE:
	case IPSEC_EVENT_POLICY_DELETE:
		json_put(p, "policy", json_policy(&ev->policy));
		break;
	case IPSEC_EVENT_POLICY_EXPIRE:
		json_put(p, "hard", json_boolean(ev->policy_expire.hard));
		json_put(p, "policy", json_policy(&ev->policy_expire.policy));
		break;
	case IPSEC_EVENT_MIGRATE:
		put_migrate(p, ev);
		break;
	case IPSEC_EVENT_MAPPING:
		put_mapping(p, ev);
		break;
	case IPSEC_EVENT_AE:
		put_ae(p, &ev->ae);
		break;
	}
}

json_t *json_event(const struct ipsec_event *ev, bool keys)
{
	struct json_put p = json_put_begin();

	json_put_text(&p, "event", monitor_event_name(ev->type));
	json_put_some(&p, "pid", ev->pid);
	put_body(&p, ev, keys);
	return json_put_end(&p);
}
