// SPDX-License-Identifier: MIT
/* What an errno of PF_KEY means: mostly what it means of XFRM, which is behind both. */
#include "pfkey/pfkey_error.h"

#include "pfkey/xfrm_error.h"

#include <errno.h>

int pfkey_explain(struct ipsec *ip, int err)
{
	switch (-err) {
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return pfkey_explain_open(ip, err);
	case ENOBUFS:
		return ipsec_fail(ip, err, "the kernel's answer was lost, as PF_KEY does when many messages come at once");
	}
	return xfrm_explain(ip, err, "");
}

int pfkey_explain_open(struct ipsec *ip, int err)
{
	switch (-err) {
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
		return ipsec_fail(ip, err, "this kernel has no PF_KEY sockets (CONFIG_NET_KEY, module af_key, loaded by itself as "
				  "net-pf-15 where it is installed)");
	}
	return xfrm_explain_open(ip, err);
}

int pfkey_explain_dump(struct ipsec *ip, int err)
{
	switch (-err) {
	case ENOBUFS:
		return ipsec_fail(ip, err, "entries of the dump were lost: what was read is not all");
	case EINVAL:
		return ipsec_fail(ip, err, "the kernel ended the dump at an entry that PF_KEY has no words for: what was read is "
				  "not all");
	case EBUSY:
		return ipsec_fail(ip, err, "a dump is still under way");
	}
	return pfkey_explain(ip, err);
}

int pfkey_explain_sa(struct ipsec *ip, int err, const struct ipsec_sa *sa)
{
	/* ENOSYS has two meanings here: no such algorithm, or one that af_key does not pass on. Both name the algorithms. */
	if (err == -ENOBUFS || err == -EAFNOSUPPORT)
		return pfkey_explain(ip, err);
	return xfrm_explain_sa(ip, err, "", sa);
}

/* Linux refuses this of everybody. */
static bool optional_tunnel_out(const struct ipsec_policy *pol)
{
	for (unsigned int i = 0; pol->dir == IPSEC_DIR_OUT && i < pol->ntmpl; i++)
		if (pol->tmpl[i].optional && (pol->tmpl[i].mode == IPSEC_MODE_TUNNEL || pol->tmpl[i].mode == IPSEC_MODE_BEET))
			return true;
	return false;
}

int pfkey_explain_policy(struct ipsec *ip, int err, const struct ipsec_policy *pol)
{
	if (err == -EINVAL && pol && optional_tunnel_out(pol))
		return ipsec_fail(ip, err, "Linux takes no outbound policy with a tunnel of level use: it would have to leave out "
				  "the tunnel's addresses as well");
	if (err == -ENOBUFS || err == -EAFNOSUPPORT)
		return pfkey_explain(ip, err);
	return xfrm_explain_policy(ip, err, "");
}
