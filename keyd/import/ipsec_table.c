// SPDX-License-Identifier: MIT
// Which statements ipsec.conf has, under all the names that FreeS/WAN's descendants gave them, and what is told of
// each.
#include "keyd/import/ipsec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROW(block, name, how, text) { { block, name, IMPORT_##how, text }, KEY_NONE, false }
#define CONN(name, how, text) ROW("conn", name, how, text)
#define SIDE(name, how, text) { { "conn", name, IMPORT_##how, text }, KEY_NONE, true }
#define TAKEN(name, key) { { "conn", name, IMPORT_CHOICE, NULL }, KEY_##key, false }
#define TAKEN_SIDE(name, key) { { "conn", name, IMPORT_CHOICE, NULL }, KEY_##key, true }

#define NO_SCRIPTS "there are no scripts: follow 'keydctl watch --json'"
#define NO_EAP "keyd does no EAP: give users certificates or secrets of their own"
#define NO_MANUAL "keys by hand are setkey's: add 192.0.2.1 192.0.2.2 esp SPI -E … -A …;"
#define NO_MARK "policies of keyd's have no marks: write them for setkey"
#define NO_VTI "keyd makes no XFRM interfaces: policies decide what is protected"
#define NO_LOG "keyd logs to stderr, or to the journal; keyd -v, 'keydctl log debug'"
#define NO_THREADS "keyd's roles are processes of their own"
#define NO_RETRANSMIT "'retransmit' of keyd.conf: 500 ms at first, twice as long each time, 7 sendings"
#define NO_MOBIKE "keyd does not speak MOBIKE: when an address changes, 'keydctl up' begins anew"

static const struct ipsec_row conn_rows[] = {
	TAKEN("also", ALSO), TAKEN("alsoflip", ALSO), TAKEN("auto", AUTO), TAKEN("type", TYPE), TAKEN("authby", AUTHBY),
	TAKEN("keyexchange", KEYEXCHANGE), TAKEN("ikev2", IKEV2), TAKEN("ike", IKE), TAKEN("esp", ESP),
	TAKEN("phase2alg", ESP), TAKEN("phase2", PHASE2), TAKEN("auth", PHASE2), TAKEN("ah", AH),
	TAKEN("aggressive", AGGRESSIVE), TAKEN("aggrmode", AGGRESSIVE), TAKEN("ikelifetime", IKELIFETIME),
	TAKEN("lifetime", LIFETIME), TAKEN("salifetime", LIFETIME), TAKEN("keylife", LIFETIME),
	TAKEN("ipsec-lifetime", LIFETIME), TAKEN("lifebytes", LIFEBYTES), TAKEN("ipsec-max-bytes", LIFEBYTES),
	TAKEN("lifepackets", LIFEPACKETS), TAKEN("ipsec-max-packets", LIFEPACKETS), TAKEN("rekeymargin", MARGIN),
	TAKEN("margintime", MARGIN), TAKEN("pfs", PFS), TAKEN("pfsgroup", PFSGROUP), TAKEN("dpddelay", DPDDELAY),
	TAKEN("dpdaction", DPDACTION), TAKEN("fragmentation", FRAGMENTATION), TAKEN("ike_frag", FRAGMENTATION),
	TAKEN("ike-frag", FRAGMENTATION), TAKEN("forceencaps", FORCEENCAPS), TAKEN("encapsulation", FORCEENCAPS),
	TAKEN("reauth", REAUTH), TAKEN("rekey", REKEY), TAKEN("tfc", TFC), TAKEN("replay_window", REPLAY),
	TAKEN("replay-window", REPLAY), TAKEN("xauth", XAUTH), TAKEN("xauth_identity", XAUTHID),
	TAKEN("modeconfig", MODECFG), TAKEN("modecfgpull", CFGPULL), TAKEN("modecfgdns", CFGDNS),
	TAKEN("modecfgdns1", CFGDNS), TAKEN("modecfgdomains", CFGDOMAIN), TAKEN("modecfgdomain", CFGDOMAIN),
	TAKEN("nat_keepalive", KEEPALIVE), TAKEN("nat-keepalive", KEEPALIVE), TAKEN("initial-contact", INITIAL_CONTACT),
	TAKEN("initial_contact", INITIAL_CONTACT),
	TAKEN_SIDE("", HOST), TAKEN_SIDE("subnet", SUBNET), TAKEN_SIDE("subnets", SUBNETS),
	TAKEN_SIDE("sourceip", SOURCEIP), TAKEN_SIDE("cert", CERT), TAKEN_SIDE("id", ID), TAKEN_SIDE("auth", AUTH),
	TAKEN_SIDE("auth2", AUTH2), TAKEN_SIDE("rsasigkey", RSASIGKEY), TAKEN_SIDE("sigkey", RSASIGKEY),
	TAKEN_SIDE("pubkey", RSASIGKEY), TAKEN_SIDE("ecdsakey", RSASIGKEY), TAKEN_SIDE("protoport", PROTOPORT),
	TAKEN_SIDE("addresspool", ADDRESSPOOL), TAKEN_SIDE("dns", DNS), TAKEN_SIDE("xauthclient", XAUTHCLIENT),
	TAKEN_SIDE("xauthserver", XAUTHSERVER), TAKEN_SIDE("xauthusername", XAUTHUSER),
	TAKEN_SIDE("username", XAUTHUSER), TAKEN_SIDE("modecfgclient", MODECFGCLIENT),
	TAKEN_SIDE("modecfgserver", MODECFGSERVER), TAKEN_SIDE("ikeport", IKEPORT), TAKEN_SIDE("updown", UPDOWN),
	TAKEN_SIDE("ca", CA), TAKEN_SIDE("certpolicy", CERTPOLICY), TAKEN_SIDE("groups", GROUPS),
	CONN("disablearrivalcheck", IDLE, "the kernel always looks whether a packet fits its policy"),
	CONN("spi", NOT, NO_MANUAL), CONN("spibase", NOT, NO_MANUAL), CONN("espenckey", NOT, NO_MANUAL),
	CONN("espauthkey", NOT, NO_MANUAL), CONN("espreplay_window", NOT, NO_MANUAL),
	CONN("compress", NOT, "nothing is compressed: compress=no at the other end, too"),
	CONN("keyingtries", IDLE, "keyd tries as long as something wants the tunnel"),
	CONN("rekeyfuzz", IDLE, "'rekey jitter' of keyd.conf, 10% by itself"),
	CONN("marginbytes", IDLE, "keyd finds its margins by itself"),
	CONN("marginpackets", IDLE, "keyd finds its margins by itself"),
	CONN("dpdtimeout", IDLE, NO_RETRANSMIT), TAKEN("retransmit-timeout", RETRANSMIT_TIMEOUT),
	TAKEN("retransmit-interval", RETRANSMIT_INTERVAL),
	CONN("mobike", NOT, NO_MOBIKE),
	CONN("closeaction", IDLE, "a tunnel that 'start yes' names comes up again by itself"),
	CONN("inactivity", NOT, "tunnels stay until 'keydctl down'"),
	CONN("installpolicy", NOT, "leave 'traffic' out: then policies are setkey's"),
	CONN("mark", NOT, NO_MARK), CONN("mark_in", NOT, NO_MARK),
	CONN("mark_out", NOT, NO_MARK), CONN("mark-in", NOT, NO_MARK),
	CONN("mark-out", NOT, NO_MARK), CONN("set_mark_in", NOT, NO_MARK), CONN("set_mark_out", NOT, NO_MARK),
	CONN("reqid", NOT, "keyd's policies have reqids of their own; those of setkey's have yours"),
	CONN("priority", NOT, "policies of keyd's have one priority: write them for setkey"),
	CONN("if_id_in", NOT, NO_VTI), CONN("if_id_out", NOT, NO_VTI),
	CONN("ipsec-interface", NOT, NO_VTI), CONN("ipsec_interface", NOT, NO_VTI),
	CONN("vti-interface", NOT, NO_VTI), CONN("vti-routing", NOT, NO_VTI), CONN("vti-shared", NOT, NO_VTI),
	CONN("eap_identity", NOT, NO_EAP), CONN("eap", NOT, NO_EAP), CONN("aaa_identity", NOT, NO_EAP),
	CONN("xauthby", IDLE, "passwords are those of 'users'"),
	CONN("xauthfail", NOT, "whose password is wrong does not come in"),
	TAKEN("pam-authorize", PAM), TAKEN("pam_authorize", PAM), TAKEN("dns-match-id", DNS_MATCH), TAKEN("ppk", PPK),
	TAKEN("policy-label", LABEL), TAKEN("policy_label", LABEL), TAKEN("sec-label", LABEL),
	TAKEN("labeled-ipsec", LABEL), TAKEN("labeled_ipsec", LABEL),
	CONN("sha256_96", NOT, "SHA-256 has 128 bits in ESP (RFC 4868): change it at the other end, too"),
	CONN("intermediate", IDLE, "IKE_INTERMEDIATE is not needed by anything here"),
	CONN("session-resumption", IDLE, "IKE SAs outlive keyd by themselves (docs/restart.md)"),
	CONN("ignore-peer-dns", NOT, "name servers are heeded: leave 'domain' and 'dns' out at the gateway"),
	CONN("enable-tcp", NOT, "IKE over TCP is not done"), CONN("tcp-remoteport", NOT, "IKE over TCP is not done"),
	CONN("nflog", NOT, "nftables can log what is protected (meta ipsec exists)"),
	CONN("nflog-all", NOT, "nftables can log what is protected (meta ipsec exists)"),
	CONN("encap-dscp", NOT, "setkey's policies and SAs have such flags"),
	CONN("iptfs", NOT, "IP-TFS is not done; see 'tfc'"),
	CONN("modecfgdns2", NOT, "write it into 'dns' of the pool, behind the first"),
	TAKEN("modecfgbanner", CFGBANNER),
	CONN("modecfgwins1", NOT, "keyd tells no WINS servers: use DNS"),
	CONN("modecfgwins2", NOT, "keyd tells no WINS servers: use DNS"),
	CONN("cisco-unity", IDLE, "split networks and domains are told to IKEv1 clients in this way, and heeded"),
	CONN("cisco_unity", IDLE, "split networks and domains are told to IKEv1 clients in this way, and heeded"),
	CONN("remote_peer_type", IDLE, "a peer says by its vendor ID who made it"),
	CONN("remote-peer-type", IDLE, "a peer says by its vendor ID who made it"),
	CONN("nat-ikev1-method", IDLE, "NAT traversal of IKEv1 is by RFC 3947 or draft 02, as the peer does"),
	CONN("ikepad", IDLE, "keyd pads as the RFCs say"),
	CONN("mediation", NOT, "there is no mediation"), CONN("mediated_by", NOT, "there is no mediation"),
	CONN("me_peerid", NOT, "there is no mediation"),
	CONN("ikedscp", NOT, "mark IKE's packets with nftables"),
	CONN("overlapip", IDLE, "policies of keyd's may overlap"),
	CONN("mtu", NOT, "ip route change ... mtu BYTES"),
	CONN("metric", NOT, "keyd sets no routes"), CONN("dscp", NOT, "mark packets with nftables"),
	CONN("nic-offload", NOT, "ESP is the kernel's work; setkey knows offload"),
	CONN("nic_offload", NOT, "ESP is the kernel's work; setkey knows offload"),
	CONN("connalias", NOT, "call the section by one name"),
	TAKEN("failureshunt", FAILURESHUNT), TAKEN("negotiationshunt", NEGOTIATIONSHUNT),
	CONN("sha2-truncbug", NOT, "SHA-256 has 128 bits in ESP (RFC 4868): change it at the other end, too"),
	CONN("sha2_truncbug", NOT, "SHA-256 has 128 bits in ESP (RFC 4868): change it at the other end, too"),
	CONN("ms-dh-downgrade", IDLE, "the groups of 'esp' and 'ike' count"),
	CONN("narrowing", IDLE, "a peer may always narrow traffic (RFC 7296 2.9)"),
	CONN("esn", NOT, "write esn or noesn into 'esp'"),
	CONN("decap-dscp", NOT, "setkey's policies and SAs have such flags"),
	CONN("nopmtudisc", NOT, "setkey's policies and SAs have such flags"),
	CONN("send-no-esp-tfc", IDLE, "keyd takes padded packets"),
	CONN("send_no_esp_tfc", IDLE, "keyd takes padded packets"),
	CONN("sendca", IDLE, "those between ours and the root are sent"),
	CONN("require-id-on-certificate", IDLE, "keyd always wants the identity in the certificate"),
	CONN("accept-redirect", NOT, "keyd follows no redirects"),
	CONN("send-redirect", NOT, "keyd sends no redirects"),
	CONN("accept-redirect-to", NOT, "keyd follows no redirects"),
	CONN("redirect-to", NOT, "keyd sends no redirects"),
	CONN("nm-configured", IDLE, "NetworkManager does not know keyd"),
	CONN("share_lease", NOT, "one address of a pool is one peer's"),
	CONN("clientaddrfamily", IDLE, "addresses say their family"),
	CONN("hostaddrfamily", IDLE, "addresses say their family"),
	CONN("connaddrfamily", IDLE, "addresses say their family"),
	CONN("fake-strongswan", IDLE, "keyd sends no names of others"),
	CONN("send-vendorid", IDLE, "keyd's vendor ID is always sent"),
	CONN("send_vendorid", IDLE, "keyd's vendor ID is always sent"),
	CONN("ikelifebytes", NOT, "IKE SAs are renewed by time only"),
	CONN("rsasigkey", NOT, "write it with left or right in front"),
	CONN("debug", IDLE, NO_LOG), CONN("signature", NOT, "'signatures' of keyd.conf names them"),
	CONN("interface-ip", NOT, NO_VTI),
	SIDE("nexthop", IDLE, "the routing table says it"),
	SIDE("firewall", NOT,
	     "let your firewall pass ESP, UDP 500 and 4500, and what is protected (nftables: meta ipsec exists)"),
	SIDE("hostaccess", NOT, "your firewall decides"),
	SIDE("ca2", IDLE, "it is about a second proof, with which a section is refused"),
	SIDE("cert2", IDLE, "it is about a second proof, with which a section is refused"),
	SIDE("id2", IDLE, "it is about a second proof, with which a section is refused"),
	SIDE("ckaid", NOT, "name the certificate's file in 'cert'"),
	SIDE("groups2", IDLE, "it is about a second proof, with which a section is refused"),
	SIDE("sendcert", IDLE, "our certificate is sent whenever it is the proof"),
	SIDE("allowany", NOT, "write 'address any' into a section of its own"),
	SIDE("vti", NOT, NO_VTI), SIDE("cat", NOT, NO_VTI),
	SIDE("interface-ip", NOT, NO_VTI),
	SIDE("subnetwithin", NOT, "'traffic' names the network; a peer may have a part of it"),
	SIDE("intraffic", NOT, NO_VTI), SIDE("autheap", NOT, NO_EAP),
	SIDE("xauthidentity", NOT, "write it as xauth_identity"),
};

#define SETUP(name, how, text) ROW("config", name, how, text)
#define CA_ROW(name, how, text) ROW("ca", name, how, text)

static const struct ipsec_row section_rows[] = {
	SETUP("charondebug", IDLE, NO_LOG), SETUP("plutodebug", IDLE, NO_LOG), SETUP("klipsdebug", IDLE, NO_LOG),
	SETUP("plutostderrlog", IDLE, NO_LOG), SETUP("logfile", IDLE, NO_LOG), SETUP("logappend", IDLE, NO_LOG),
	SETUP("logtime", IDLE, NO_LOG), SETUP("logip", IDLE, NO_LOG), SETUP("syslog", IDLE, NO_LOG),
	SETUP("audit-log", IDLE, NO_LOG), SETUP("perpeerlog", IDLE, NO_LOG), SETUP("perpeerlogdir", IDLE, NO_LOG),
	SETUP("plutostderrlogtime", IDLE, NO_LOG), SETUP("statsbin", IDLE, "'keydctl watch --json'"),
	SETUP("charonstart", IDLE, NO_THREADS), SETUP("plutostart", IDLE, NO_THREADS),
	SETUP("nhelpers", IDLE, NO_THREADS), SETUP("plutofork", IDLE, NO_THREADS),
	SETUP("plutorestartoncrash", IDLE, NO_THREADS),
	SETUP("prepluto", NOT, NO_SCRIPTS), SETUP("postpluto", NOT, NO_SCRIPTS),
	SETUP("seccomp", IDLE, "keyd's roles always have their filters"),
	SETUP("dumpdir", IDLE, "keyd leaves no core files"),
	SETUP("protostack", IDLE, "XFRM is all that Linux has"),
	SETUP("interfaces", IDLE, "'listen' of keyd.conf, if not all addresses"),
	SETUP("opportunistic", NOT, "opportunistic encryption is not done"),
	SETUP("packetdefault", NOT,
	      "what no policy names goes as the routing table says: setkey's policies may drop it"),
	SETUP("no_eroute_pass", IDLE, "policies decide"), SETUP("pluto", IDLE, NO_THREADS),
	SETUP("oe", NOT, "opportunistic encryption is not done"),
	SETUP("virtual_private", IDLE, "'traffic' and 'pool' say which addresses peers may have"),
	SETUP("virtual-private", IDLE, "'traffic' and 'pool' say which addresses peers may have"),
	SETUP("hidetos", IDLE, "the kernel copies it"),
	SETUP("fragicmp", IDLE, "the kernel does"), SETUP("overridemtu", NOT, "ip route change ... mtu BYTES"),
	SETUP("cachecrls", IDLE, "what was fetched is kept"),
	SETUP("crlcheckinterval", IDLE, "lists are fetched anew before they run out"),
	SETUP("crlchkinterval", IDLE, "lists are fetched anew before they run out"),
	SETUP("curl-timeout", IDLE, "keyd has limits of its own"),
	SETUP("curl-iface", NOT, "the routing table says it"),
	SETUP("ocsp-enable", IDLE, "OCSP is asked where a certificate says so; 'fetch no' turns it off"),
	SETUP("ocsp-strict", CHOICE, NULL),
	SETUP("ocsp-uri", CHOICE, NULL), SETUP("ocsp-trustname", NOT, "responders are believed as RFC 6960 says"),
	SETUP("myid", NOT, "write 'id local' into sections"),
	SETUP("nssdir", NOT, "there is no NSS: export certificates to files (pk12util)"),
	SETUP("ipsecdir", IDLE, "certificates are named by files"), SETUP("pkcs11module", NOT, "write 'module FILE'"),
	SETUP("pkcs11initargs", NOT, "modules get none"),
	SETUP("pkcs11keepstate", IDLE, "'login keep' is the default"), SETUP("pkcs11proxy", NOT, "there is none"),
	SETUP("ddos-mode", IDLE, "'cookie threshold', 'half-open' of keyd.conf"),
	SETUP("ddos-ike-threshold", IDLE, "'cookie threshold', 'half-open' of keyd.conf"),
	SETUP("max-halfopen-ike", IDLE, "'cookie threshold', 'half-open' of keyd.conf"),
	SETUP("shuntlifetime", IDLE, "there are no shunts"),
	SETUP("xfrmlifetime", IDLE, "keyd removes larval SAs itself"),
	SETUP("global-redirect", NOT, "keyd sends no redirects"),
	SETUP("global-redirect-to", NOT, "keyd sends no redirects"),
	SETUP("dnssec-enable", NOT, "identities are not looked up in DNS"),
	SETUP("dnssec-rootkey-file", NOT, "identities are not looked up in DNS"),
	SETUP("dnssec-anchors", NOT, "identities are not looked up in DNS"),
	SETUP("ikev1-policy", IDLE, "IKEv1 is spoken where a section says so"),
	SETUP("ikev1-secctx-attr-type", NOT, "security labels are setkey's"),
	SETUP("ike-socket-bufsize", IDLE, "keyd sizes its buffers by itself"),
	SETUP("ike-socket-errqueue", IDLE, "keyd heeds ICMP errors"),
	SETUP("listen-tcp", NOT, "IKE over TCP is not done"), SETUP("listen-udp", IDLE, "UDP is all there is"),
	SETUP("forwardcontrol", NOT, "sysctl net.ipv4.ip_forward"),
	SETUP("rp_filter", NOT, "sysctl net.ipv4.conf.all.rp_filter"),
	SETUP("disable_port_floating", IDLE, "'nat off' of keyd.conf"),
	SETUP("force_keepalive", IDLE, "keepalives are sent behind a NAT"),
	SETUP("force-keepalive", IDLE, "keepalives are sent behind a NAT"),
	SETUP("fips_mode", NOT, "OpenSSL's configuration decides"), SETUP("also", NOT, "write it out"),
	SETUP("drop-oppo-null", NOT, "opportunistic encryption is not done"),
	SETUP("nocrsend", IDLE, "keyd says which CAs it believes"),
	SETUP("manualstart", NOT, "setkey sets keys by hand"),
	SETUP("plutowait", IDLE, NO_THREADS), SETUP("plutoload", NOT, "'start yes'"),
	SETUP("uniqueids", CHOICE, NULL), SETUP("strictcrlpolicy", CHOICE, NULL), SETUP("crl-strict", CHOICE, NULL),
	SETUP("nat_traversal", CHOICE, NULL), SETUP("listen", CHOICE, NULL), SETUP("ikeport", CHOICE, NULL),
	SETUP("nat-ikeport", CHOICE, NULL), SETUP("nat_ikeport", CHOICE, NULL), SETUP("keep-alive", CHOICE, NULL),
	SETUP("keep_alive", CHOICE, NULL), SETUP("secretsfile", CHOICE, NULL),
	CA_ROW("cacert", CHOICE, NULL), CA_ROW("crluri", CHOICE, NULL),
	CA_ROW("crluri1", CHOICE, NULL), CA_ROW("auto", IDLE, "a CA is believed where 'ca' names it"),
	CA_ROW("crluri2", CHOICE, NULL), CA_ROW("ocspuri", CHOICE, NULL), CA_ROW("ocspuri1", CHOICE, NULL),
	CA_ROW("ocspuri2", CHOICE, NULL), CA_ROW("ldaphost", NOT, "lists are fetched by http only"),
	CA_ROW("ldapbase", NOT, "lists are fetched by http only"),
	CA_ROW("certuribase", NOT, "hash and URL is not done"), CA_ROW("also", NOT, "write it out"),
	ROW("", "version", IDLE, "there is nothing to choose"),
};

#define N(a) (sizeof(a) / sizeof(*(a)))

const struct import_row *import_ipsec_row(unsigned i)
{
	if (i < N(conn_rows))
		return &conn_rows[i].row;
	i -= N(conn_rows);
	return i < N(section_rows) ? &section_rows[i].row : NULL;
}

const struct ipsec_row *ipsec_row_of(const char *name, unsigned *side)
{
	bool left = !strncasecmp(name, "left", 4), right = !strncasecmp(name, "right", 5);
	const char *rest = name + (left ? 4 : right ? 5 : 0);

	*side = right ? RIGHT : LEFT;
	rest += (left || right) && *rest == '-';
	for (size_t i = 0; i < N(conn_rows); i++)
		if (!strcasecmp(conn_rows[i].row.name, left || right ? rest : name) &&
		    conn_rows[i].sided == (left || right))
			return &conn_rows[i];
	return NULL;
}

/* --- config setup, ca, and what is told of statements of a conn that nothing is made of --- */

/* Once it is asked for, it stays. */
static void strict(struct draft *d, const struct import_stmt *s, bool yes)
{
	if (yes && !d->defaults.set[SET_REVOCATION])
		draft_say(&d->defaults, SET_REVOCATION, s->at, "strict");
}

/*
 * Somebody knows of certificates that were revoked, and keyd does not ask there: so no certificate passes of which
 * nothing else is known.
 */
static void not_asked(struct draft *d, const struct import_stmt *s, const char *where)
{
	draft_note(d, NULL, IMPORT_NOT, s->at,
		   "%s: \"%s\" is not asked for revoked certificates: lists are fetched by http only, "
		   "or read from files ('crl'), and OCSP is asked where certificates say. "
		   "So 'revocation strict': who is in no such list does not come in", s->words[0].s, where);
	strict(d, s, true);
}

static bool asks_ocsp(const struct ipsec *i)
{
	for (const struct import_stmt *s = i->d->tree->first; s; s = s->next)
		for (const struct import_stmt *at = s->inside; at && import_word_is(s, 0, "config"); at = at->next)
			if (!strcasecmp(at->words[0].s, "ocsp-enable") && ipsec_yes(import_word(at, 1)))
				return true;
	return false;
}

static void setup(struct ipsec *i, const struct import_stmt *s)
{
	struct draft *d = i->d;
	const char *name = s->words[0].s, *value = import_word(s, 1);
	struct ipsec_addr a;
	unsigned long n = strtoul(value, NULL, 10);

	if (!strcasecmp(name, "uniqueids"))
		draft_say(&d->defaults, SET_UNIQUE, s->at,
			  ipsec_no(value) ? "no" : !strcasecmp(value, "never") ? "never" :
			  !strcasecmp(value, "keep") ? "keep" : NULL);
	else if (!strcasecmp(name, "strictcrlpolicy") || !strcasecmp(name, "crl-strict") ||
		 !strcasecmp(name, "ocsp-strict"))
		strict(d, s, !ipsec_no(value));
	else if (!strcasecmp(name, "ocsp-uri") && asks_ocsp(i))
		not_asked(d, s, value);
	else if (!strcasecmp(name, "nat_traversal"))
		draft_say(&d->defaults, SET_NAT, s->at, ipsec_no(value) ? "off" : NULL);
	else if (!strcasecmp(name, "listen") && !ipsec_addr_parse(&a, value))
		d->listen = (struct draft_value){ value, s->at };
	else if (strcasestr(name, "ikeport") && n > 0 && n < 65536)
		*(tolower((unsigned char)*name) == 'i' ? &d->port : &d->nat_port) =
			(struct draft_value){ draft_text(d, "%lu", n), s->at };
	else if (!strncasecmp(name, "keep", 4) && n <= 3600 && isdigit((unsigned char)*value))
		draft_say(&d->defaults, SET_KEEPALIVE, s->at, n ? draft_seconds(d, n) : "off");
	else if (!strcasecmp(name, "secretsfile"))
		i->secrets_at = s->at,
		i->secrets = draft_text(d, "%s%s%s", *value == '/' ? "" : i->dir, *value == '/' ? "" : "/", value);
	else
		draft_note(d, NULL, strcasecmp(name, "ocsp-uri") ? IMPORT_NOT : IMPORT_IDLE, s->at,
			   "%s: '%s' is not taken: %s", name, value,
			   !strcasecmp(name, "listen") ? "one address is expected" :
			   !strcasecmp(name, "ocsp-uri") ? "without ocsp-enable, nobody is asked" :
			   "a port, or seconds up to 3600, are expected");
}

static unsigned count(const char *list)
{
	unsigned n = list != NULL;

	for (; list && *list; list++)
		n += *list == ',';
	return n;
}

/*
 * What keyd takes as one; how many there are is told by commas, which no URL and no name of a file has here. A file's
 * URL is its name.
 */
static const char *list_place(const char *url)
{
	const char *file = !strncmp(url, "file:///", 8) ? url + 7 : *url == '/' ? url : NULL;
	size_t n = strlen(url);

	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == ',')
			return NULL;
	return n >= CONF_PATH_MAX ? NULL : file ?: !strncmp(url, "http://", 7) && n > 7 ? url : NULL;
}

static void add_crl(struct draft *d, const struct import_stmt *s, const char *value)
{
	const char *place = list_place(value);

	if (place && count(d->crl.text) < CONF_CRLS_MAX) {
		place = draft_text(d, "%s%s%s", d->crl.text ?: "", d->crl.text ? ", " : "", draft_quote(d, place));
		d->crl = (struct draft_value){ place, s->at };
	} else {
		not_asked(d, s, value);
	}
}

static void ca(struct ipsec *i, const struct import_stmt *s)
{
	struct draft *d = i->d;
	const char *name = s->words[0].s, *value = import_word(s, 1);

	if (!strcasecmp(name, "cacert") && (strchr(value, ',') || !*value || count(i->cas) >= CONF_CAS_MAX))
		draft_note(d, NULL, IMPORT_NOT, s->at,
			   "cacert: the name of a file is expected, and %u at most; "
			   "one file may have several certificates", CONF_CAS_MAX);
	else if (!strcasecmp(name, "cacert"))
		i->cas_at = s->at,
		i->cas = draft_text(d, "%s%s%s", i->cas ?: "", i->cas ? ", " : "",
				    draft_quote(d, *value == '/' ?
							   value :
							   draft_text(d, "%s/ipsec.d/cacerts/%s", i->dir, value)));
	else if (!strncasecmp(name, "crl", 3))
		add_crl(d, s, value);
	else
		not_asked(d, s, value);
}

static void tell_section(struct ipsec *i, const char *block, const struct import_stmt *s)
{
	for (size_t n = 0; n < N(section_rows); n++) {
		const struct import_row *row = &section_rows[n].row;

		if (strcasecmp(row->block, block) != 0 || strcasecmp(row->name, s->words[0].s) != 0)
			continue;
		if (row->text)
			draft_note(i->d, NULL, row->how, s->at, "%s: %s", row->name, row->text);
		else if (!strcasecmp(block, "ca"))
			ca(i, s);
		else
			setup(i, s);
		return;
	}
	draft_note(i->d, NULL, IMPORT_UNKNOWN, s->at, "'%s' is no statement of %s%s that is known", s->words[0].s,
		   *block ? "a section " : "ipsec.conf", block);
}

static void tell_conn(struct ipsec *i, const struct import_stmt *s)
{
	unsigned side;
	const struct ipsec_row *row = ipsec_row_of(s->words[0].s, &side);

	if (!strncasecmp(s->words[0].s, "x-", 2) || !strncasecmp(s->words[0].s, "x_", 2))
		draft_note(i->d, NULL, IMPORT_IDLE, s->at, "%s: what begins with x- is a comment", s->words[0].s);
	else if (!row)
		draft_note(i->d, NULL, IMPORT_UNKNOWN, s->at, "'%s' is no statement of a conn that is known",
			   s->words[0].s);
	else if (row->key == KEY_NONE)
		draft_note(i->d, NULL, row->row.how, s->at, "%s: %s", s->words[0].s, row->row.text);
}

void ipsec_tell_sections(struct ipsec *i)
{
	for (const struct import_stmt *s = i->d->tree->first; s; s = s->next) {
		if (!s->block)
			tell_section(i, "", s);
		for (const struct import_stmt *at = s->inside; at; at = at->next) {
			if (import_word_is(s, 0, "conn"))
				tell_conn(i, at);
			else
				tell_section(i, s->words[0].s, at);
		}
	}
}
