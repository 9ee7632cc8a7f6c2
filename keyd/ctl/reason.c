// SPDX-License-Identifier: MIT
// What each reason is called, what it means, and what to do about it.
#include "keyd/ctl/reason.h"

#define NO_TRAFFIC_WITHOUT "Until then no packet that the policy covers can go; none goes in clear."

static const struct reason reasons[ENGINE_REASONS] = {
	[REASON_NONE] = { .name = "none" },
	[REASON_OTHER] = {
		.name = "other",
		.happened = { "It ended with: {text}." },
		.change = { "keyd's log has more; \"keydctl log debug\" makes it tell each step." },
	},
	[REASON_NO_ANSWER] = {
		.name = "no-answer",
		.happened = {
			"Nothing at all came back from {remote}: {text}.",
			"A router or the host itself said: {icmp}.",
		},
		.change = {
			"{?refused}A host is there, but no IKE daemon listens on UDP port {rport}: start it there, or "
			"say \"port\" in "
			"the section of this peer if it listens elsewhere.",
			"{?unreachable}{remote} cannot be reached: look at the routes here (\"ip route get "
			"{remote}\") and on the way.",
			"{!icmp}Look whether {remote} is the right address, and whether it is up: ping {remote} (a "
			"policy that covers "
			"the ping would hold it back, too).",
			"{!icmp}Look whether an IKE daemon runs there and listens on UDP port {rport}.",
			"{!icmp}Look whether a firewall on either side drops UDP port {rport} (with NAT: port 4500, "
			"too); here: "
			"\"nft list ruleset\", and \"tcpdump -n host {remote} and udp port {rport}\" on both hosts "
			"shows how far it comes.",
			"{at} says that the peer has this address.",
		},
	},
	[REASON_PEER_DEAD] = {
		.name = "peer-dead",
		.happened = { "The peer answered before and then no more: {text}." },
		.change = {
			"Look whether the other host, or the path to it, is down. keyd tries again when the next "
			"packet wants to go.",
			"{at}: this \"retransmit\" decides how long a silent peer is waited for.",
			"If it is only slow or far away: \"retransmit\" (longer) and \"dpd\" in its section decide "
			"how long it is waited for.",
		},
	},
	[REASON_NO_PROPOSAL_IKE] = {
		.name = "no-proposal-ike",
		.happened = {
			"{?theirs}The peer offers {theirs} for IKE; we accept {ours}.",
			"{!theirs}We offered {ours} for IKE; the peer accepts none of it, and IKE has no way to say "
			"what it would accept.",
			"In detail: {differs}.",
		},
		.change = {
			"{?usable}{at}: this \"ike\" line allows only {ours}; add to it what the peer offers: "
			"`ike {ours}, {usable}`.",
			"{?theirs}{!usable}{at}: this \"ike\" line allows only {ours}, and the peer has algorithms "
			"that keyd does not know.",
			"{!theirs}{at}: this \"ike\" line allows only {ours}; add what the peer's configuration names.",
			"{?default}{?section}No \"ike\" line is here, so the defaults hold; in the section at "
			"{section} write "
			"`ike {usable}`.",
			"{?default}{!section}No section is here for this peer, so the defaults hold; in keyd.conf "
			"write "
			"`peer {remote} {{ ike {usable}; }`.",
			"{?default}{!theirs}All that keyd offers by itself was offered: look into the peer's "
			"configuration and log for "
			"what it accepts, and name it in an \"ike\" line here (old algorithms are never offered "
			"unasked).",
			"Or in the peer's configuration: allow one of {ours} for IKE.",
		},
	},
	[REASON_NO_PROPOSAL_ESP] = {
		.name = "no-proposal-esp",
		.happened = {
			"{?theirs}The peer offers {theirs} for ESP; we accept {ours}.",
			"{!theirs}We offered {ours} for ESP; the peer accepts none of it, and IKE has no way to say "
			"what it would accept.",
			"In detail: {differs}.",
		},
		.change = {
			"{?usable}{at}: this \"esp\" line allows only {ours}; add to it what the peer offers: "
			"`esp {ours}, {usable}`.",
			"{?theirs}{!usable}{at}: this \"esp\" line allows only {ours}, and the peer has algorithms "
			"that keyd does not know.",
			"{!theirs}{at}: this \"esp\" line allows only {ours}; add what the peer's configuration names.",
			"{?default}{?section}No \"esp\" line is here, so the defaults hold; in the section at "
			"{section} write "
			"`esp {usable}`.",
			"{?default}{!section}No section is here for this peer, so the defaults hold; in keyd.conf "
			"write "
			"`peer {remote} {{ esp {usable}; }`.",
			"{?default}{!theirs}All that keyd offers by itself was offered: look into the peer's "
			"configuration and log for "
			"what it accepts, and name it in an \"esp\" line here.",
			"Or in the peer's configuration (gapless: \"esp\", strongSwan: esp_proposals, libreswan: "
			"esp=): allow one of {ours}.",
		},
	},
	[REASON_INVALID_KE] = {
		.name = "invalid-ke",
		.happened = { "The peer wants another key exchange group than we have: {text}." },
		.change = {
			"{at}: add the group that the peer wants to this \"ike\" line.",
			"{?default}Add an \"ike\" line with the group that the peer wants to its section, or let the "
			"peer accept one of ours.",
		},
	},
	[REASON_NO_SECRET] = {
		.name = "no-secret",
		.happened = { "We have no secret for it: {text}." },
		.change = {
			"Add a line with the peer's address, or with the identity that it shows, and the secret to "
			"{secrets}: "
			"`{peer_id} SECRET`, then \"keydctl reload\".",
			"{!secrets}{?section}Add a line `psk \"SECRET\"` to its section at {section}, then \"keydctl "
			"reload\".",
			"{!secrets}{!section}Add `peer {remote} {{ psk \"SECRET\"; }` to keyd.conf, then \"keydctl "
			"reload\".",
		},
	},
	[REASON_WRONG_SECRET] = {
		.name = "wrong-secret",
		.happened = {
			"The peer says that it is \"{remote_id}\", but its proof was made with another secret than "
			"ours.",
		},
		.change = {
			"{secret} has our secret for it: make it the same as in the peer's configuration (blanks at "
			"the end of a line "
			"count), then \"keydctl reload\".",
			"Or change the peer's secret for \"{local_id}\".",
		},
	},
	[REASON_AUTH_REFUSED] = {
		.name = "authentication-refused",
		.happened = {
			"We said that we are \"{local_id}\"; the peer did not take our proof: AUTHENTICATION_FAILED.",
			"It does not say why: its secret for us is another, it has none, or it expects another "
			"identity of us.",
		},
		.change = {
			"{secret} has the secret that we used: compare it with the peer's secret for \"{local_id}\".",
			"{at}: this \"id local\" says who we are; the peer's configuration must expect \"{local_id}\".",
			"{?default}We showed our address as identity; if the peer expects a name, write `id local "
			"NAME` in its section here.",
			"The peer's log says which of them it is (keyd there: \"keydctl explain {local}\").",
		},
	},
	[REASON_AUTH_METHOD] = {
		.name = "authentication-method",
		.happened = { "The peer proves its identity in another way than we know: {text}." },
		.change = { "In the peer's configuration: let it authenticate with a shared secret (PSK)." },
	},
	[REASON_UNEXPECTED_ID] = {
		.name = "unexpected-identity",
		.happened = { "The peer says that it is \"{theirs}\"; \"{ours}\" is expected here." },
		.change = {
			"{at}: this \"id remote\" expects \"{ours}\": if \"{theirs}\" is right, write `id remote "
			"{theirs}`.",
			"{?default}{?section}In the section at {section} write `id remote {theirs}` if that is right.",
			"{?default}{!section}Write `peer {remote} {{ id remote {theirs}; }` in keyd.conf if that is "
			"right.",
			"Or in the peer's configuration: let it say \"{ours}\" of itself (gapless: \"id local\", "
			"strongSwan: local.id, "
			"libreswan: leftid).",
		},
	},
	[REASON_NO_POLICY] = {
		.name = "no-policy",
		.happened = {
			"The peer asks for {ours} here, to its {theirs}, and no policy of this kernel protects "
			"traffic with {remote}.",
			"The nearest policy is: {policy}",
		},
		.change = {
			"If that traffic is to be protected, load this here with setkey -f, and the same for the way "
			"back (in): {wanted}",
			"Or remove the peer's policy. \"setkey -DP\" shows what is loaded. " NO_TRAFFIC_WITHOUT,
		},
	},
	[REASON_TS_UNACCEPTABLE] = {
		.name = "ts-unacceptable",
		.happened = {
			"{?notify_ours}The peer asks for {ours} here, to its {theirs}; no policy here covers that.",
			"{?notify_ours}The nearest policy here is: {policy}",
			"{!notify_ours}We asked for the traffic of our policy, and the peer has none that covers it: "
			"{policy}",
		},
		.change = {
			"{?notify_ours}To agree to it, load this here with setkey -f, and the same for the way back "
			"(in): {wanted}",
			"{?notify_ours}Or make the peer's policy the mirror of ours.",
			"{!notify_ours}The peer needs the mirror of our policy, as setkey says it: {wanted}",
			"{!notify_ours}(strongSwan: local_ts and remote_ts, libreswan: leftsubnet and rightsubnet.) "
			"Or change the line "
			"of our policy in the file that setkey loads.",
		},
	},
	[REASON_MODE_MISMATCH] = {
		.name = "mode-mismatch",
		.happened = {
			"One side wants transport mode and the other one tunnel mode: {text}.",
			"Our policy is: {policy}",
		},
		.change = {
			"Give both policies the same mode. Here, in the file that setkey loads, "
			"`esp/transport//require` or "
			"`esp/tunnel/{local}-{remote}/require`; there likewise (strongSwan: mode, libreswan: type).",
			"{?notify_ours}What the peer asks for would be, here: {wanted}",
		},
	},
	[REASON_POLICY_UNSUPPORTED] = {
		.name = "policy-unsupported",
		.happened = { "keyd does not negotiate for this policy: {text}." },
		.change = { "Change the policy in the file that setkey loads to a single ESP rule, or load its SAs by "
				"hand." },
	},
	[REASON_INVALID_SYNTAX] = {
		.name = "invalid-syntax",
		.happened = { "A message was not understood: {text}." },
		.change = { "One of the two implementations has a bug: a capture with the key log on (\"keydctl "
				"keylog on\") shows which." },
	},
	[REASON_UNSUPPORTED_CRITICAL] = {
		.name = "unsupported-critical-payload",
		.happened = { "A payload that must be understood was not: {text}." },
		.change = { "Switch the extension that needs it off in the peer's configuration." },
	},
	[REASON_UNSUPPORTED_VERSION] = {
		.name = "unsupported-version",
		.happened = { "The two sides speak different versions of IKE: {text}." },
		.change = { "Let the peer speak IKEv2 (strongSwan: version = 2, libreswan: ikev2=yes)." },
	},
	[REASON_COOKIE_LOOP] = {
		.name = "cookie-loop",
		.happened = { "The peer asked again and again for another first message: {text}." },
		.change = { "The peer is under attack, or several hosts answer for {remote}. keyd tries again with "
				"the next packet." },
	},
	[REASON_HALF_OPEN_LIMIT] = {
		.name = "half-open-limit",
		.happened = { "So many negotiations were half-done that no other was begun: {text}." },
		.change = {
			"{at}: raise this \"half-open\" if so many peers begin at once.",
			"{?default}If so many peers begin at once, raise \"half-open\" in keyd.conf (1024); else "
			"somebody floods this host.",
		},
	},
	[REASON_PEER_STOPPED] = {
		.name = "peer-stopped",
		.happened = { "It began, we answered, and it did not go on with IKE_AUTH: our answer did not reach "
				"it, or was not to its "
			      "liking, or somebody probes this host." },
		.change = {
			"Look into the peer's log. If nothing came there, look for a firewall that lets UDP port "
			"{lport} in here but not "
			"out, and for a path that drops long datagrams.",
		},
	},
	[REASON_KERNEL_REFUSED] = {
		.name = "kernel-refused",
		.happened = { "Both sides agreed, but this kernel refused the SA: {theirs}." },
		.change = {
			"If it lacks an algorithm, load its module or name another one in an \"esp\" line of the "
			"peer's section; "
			"keyd's log has the kernel's own words.",
		},
	},
	[REASON_PEER_DELETED] = {
		.name = "peer-deleted",
		.happened = { "The peer deleted it." },
		.change = { "Nothing needs to be changed here; the next packet brings it up again. The peer's log "
				"says why." },
	},
	[REASON_DELETED] = { .name = "deleted", .happened = { "It was deleted here: {text}." } },
	[REASON_REPLACED] = { .name = "replaced", .happened = { "Another SA took its place: {text}." } },
	[REASON_SUPERSEDED] = {
		.name = "superseded",
		.happened = {
			"The peer began anew: it said that it knows nothing of older SAs (INITIAL_CONTACT), or came "
			"from elsewhere.",
		},
		.change = { "Nothing, if it is one host. If several hosts have this identity, write \"unique no\" in "
				"its section." },
	},
	[REASON_NOT_UNIQUE] = {
		.name = "not-unique",
		.happened = { "The peer began a second IKE SA from elsewhere, while its first one was up." },
		.change = { "\"unique keep\" in its section refuses that; \"unique replace\" would end the first "
				"one." },
	},
	[REASON_TEMPORARY] = {
		.name = "temporary-failure",
		.happened = { "The peer could not do it at that moment: {text}." },
		.change = { "keyd tries again by itself." },
	},
	[REASON_CHILD_NOT_FOUND] = {
		.name = "child-not-found",
		.happened = { "One side does not have the SA that the other one spoke of: {text}." },
		.change = { "keyd makes a new one by itself." },
	},
	[REASON_PEER_REFUSED] = {
		.name = "peer-refused",
		.happened = { "The peer refused: {text}." },
		.change = { "The peer's log says why." },
	},
	[REASON_PEER_ANSWER] = {
		.name = "peer-answer",
		.happened = { "The peer's answer does not fit what it was asked: {text}." },
		.change = { "keyd's log names what differs; the two implementations disagree." },
	},
	[REASON_ADDRESS_FAILURE] = {
		.name = "no-address",
		.happened = { "No virtual address could be given: {text}." },
		.change = { "Look at the pool of the side that gives addresses: it is empty, or has none of the "
				"family asked for." },
	},
	[REASON_REAUTHENTICATED] = { .name = "reauthenticated", .happened = { "A newer IKE SA, freshly authenticated, "
			"took its place." } },
	[REASON_CERT_REFUSED] = {
		.name = "certificate-refused",
		.happened = {
			"We said that we are \"{local_id}\"; the peer did not take our proof: AUTHENTICATION_FAILED.",
			"It does not say why: it does not believe our certificate or key, or expects another identity of us.",
		},
		.change = {
			"{secret} names our key: look whether the peer believes the CA of its certificate, or knows the key itself.",
			"Look whether the certificate has the name that we call ourselves by: \"{local_id}\" (\"id local\").",
			"The peer's log says which of them it is (keyd there: \"keydctl explain {local}\").",
		},
	},
	[REASON_NO_SECTION] = {
		.name = "no-section",
		.happened = {
			"The peer says that it is \"{theirs}\", and no section for its address is for that: {ours}.",
		},
		.change = {
			"Write `id remote {theirs}` in the section that is meant for it, or a section of its own.",
			"Or in the peer's configuration: let it say of itself what a section here expects.",
		},
	},
	[REASON_NO_KEY] = {
		.name = "no-key",
		.happened = { "We could not sign: {text}." },
		.change = {
			"Look at \"cert\", \"key\" and \"signatures\" in its section, then \"keydctl reload\".",
			"{secret} names the key.",
		},
	},
	[REASON_NO_CERT] = {
		.name = "no-certificate",
		.happened = { "The peer says that it is \"{remote_id}\", and {theirs}." },
		.change = {
			"In the peer's configuration: let it send its certificate with those between it and its CA (strongSwan: "
			"send_cert = always, libreswan: leftsendcert=always).",
			"Or pin its key here: `remote-key file CERTIFICATE` in its section.",
		},
	},
	[REASON_CERT_UNTRUSTED] = {
		.name = "certificate-untrusted",
		.happened = { "The peer says that it is \"{remote_id}\", and {theirs}.", "{!theirs}It ended: {text}." },
		.change = {
			"{at}: this \"ca\" names the CAs that are believed for it: add the one that signed its certificate, "
			"if that is right.",
			"{?default}No \"ca\" is in its section: write `ca FILE` there with the CA that signed its certificate.",
			"Or let the peer send the certificates between its own and the CA.",
		},
	},
	[REASON_CERT_EXPIRED] = {
		.name = "certificate-expired",
		.happened = { "The peer is \"{remote_id}\"; {?theirs}{theirs}.", "{!theirs}It ended: {text}." },
		.change = {
			"Let the peer have a new certificate; nothing needs to be changed here.",
			"Or a clock is wrong: \"date\" on both hosts.",
		},
	},
	[REASON_CERT_REVOKED] = {
		.name = "certificate-revoked",
		.happened = { "The peer is \"{remote_id}\"; {?theirs}{theirs}.", "{!theirs}It ended: {text}." },
		.change = { "If that is a mistake, its CA must issue another certificate: one that is revoked stays revoked." },
	},
	[REASON_REVOCATION_UNKNOWN] = {
		.name = "revocation-unknown",
		.happened = { "The peer says that it is \"{remote_id}\", and {theirs}." },
		.change = {
			"{at}: this \"revocation strict\" wants to know that a certificate is not revoked: see that its CA's list or OCSP "
			"responder can be reached, or name a file with \"crl\".",
			"Or write \"revocation lenient\": then what is not known to be revoked is good.",
		},
	},
	[REASON_CERT_UNFIT] = {
		.name = "certificate-unfit",
		.happened = { "The peer says that it is \"{remote_id}\", and {theirs}." },
		.change = {
			"Let its CA issue one that fits (docs/certificates.md has the commands).",
			"Where an old one must do: \"key-floor\" and \"signatures\" in its section say what is strong enough.",
		},
	},
	[REASON_CERT_NAME] = {
		.name = "certificate-name",
		.happened = { "The peer says that it is \"{remote_id}\", but {theirs}." },
		.change = {
			"In the peer's configuration: let it call itself by a name that its certificate has.",
			"Or let its CA issue one with \"{remote_id}\" among its subjectAltNames.",
		},
	},
	[REASON_SIGNATURE] = {
		.name = "wrong-signature",
		.happened = { "The peer says that it is \"{remote_id}\", but {theirs}." },
		.change = {
			"Look whether the private key that the peer uses belongs to the certificate that it sends.",
		},
	},
	[REASON_SIGNATURE_SCHEME] = {
		.name = "signature-scheme",
		.happened = { "The peer says that it is \"{remote_id}\"; {theirs}." },
		.change = {
			"{at}: this \"signatures\" says which kinds are allowed: name the peer's there, if it is strong enough.",
			"{?default}Those with SHA-1 are allowed only where \"signatures\" in the section names them.",
			"Or let the peer sign otherwise (strongSwan: auth = rsa-sha256, libreswan: authby=rsa-sha2).",
		},
	},
	[REASON_WRONG_KEY] = {
		.name = "wrong-key",
		.happened = { "The peer says that it is \"{remote_id}\", but {theirs}." },
		.change = {
			"{at}: write the peer's key into this \"remote-key\" (there: \"keydctl keygen --public FILE\" prints the line).",
		},
	},
	[REASON_PROOF_FAILED] = {
		.name = "proof-failed",
		.happened = { "A proof of identity could not be made or judged: {text}." },
		.change = { "keyd's log has more." },
	},
	[REASON_KEY_LOCKED] = {
		.name = "key-locked",
		.happened = { "We could not sign: {text}." },
		.change = { "\"keydctl unlock\" asks for the passphrase; \"key FILE passphrase file …\" in its section gives it.",
			    "{secret} names the key." },
	},
	[REASON_PASSWORD_NEEDED] = {
		.name = "password-needed",
		.happened = { "The gateway asks for a password: {text}." },
		.change = { "\"keydctl unlock {peer}\" asks for it; \"xauth client USER password file FILE\" in its section gives it." },
	},
	[REASON_PASSWORD_REFUSED] = {
		.name = "password-refused",
		.happened = { "The gateway has refused our name or password: {text}." },
		.change = { "Correct \"xauth client\" in its section, and \"keydctl reload\"." },
	},
	[REASON_PASSWORD_WRONG] = {
		.name = "password-wrong",
		.happened = { "We asked the peer for a name and a password: {text}." },
		.change = { "\"users\" in its section names the file of who may come." },
	},
	[REASON_TOKEN_ABSENT] = {
		.name = "token-absent",
		.happened = { "We could not sign: {text}." },
		.change = { "Insert it; \"keydctl token list\" shows which are there, and what each section wants. Where it is no "
			    "OpenPGP or PIV card, \"module\" in keyd.conf has to name what reaches it.",
			    "{secret} names the key." },
	},
	[REASON_TOKEN_LOCKED] = {
		.name = "token-locked",
		.happened = { "We could not sign: {text}." },
		.change = { "\"keydctl token unlock\" asks for the PIN; \"pin file\", \"pin credential\" in its section give it, "
			    "\"pin ask keep\" keeps what was typed.",
			    "{secret} names the key." },
	},
	[REASON_TOKEN_PIN] = {
		.name = "token-pin",
		.happened = { "We could not sign: {text}." },
		.change = { "It is not tried again until it is another one: correct it and \"keydctl reload\", or "
			    "\"keydctl token unlock\".",
			    "{secret} names the key." },
	},
	[REASON_TOKEN_BLOCKED] = {
		.name = "token-blocked",
		.happened = { "We could not sign: {text}." },
		.change = { "Unblock it with the tools that came with the token, and its PUK or administrator's PIN." },
	},
	[REASON_TOKEN_FAILING] = {
		.name = "token-failing",
		.happened = { "We could not sign: {text}." },
		.change = { "\"keydctl token check\" and keyd's log have more. It is looked at again by itself." },
	},
	[REASON_NOT_SERVED] = {
		.name = "not-served",
		.happened = { "The configuration wants nothing to be begun with {remote}: {text}." },
		.change = {
			"Look at what was said of that section when the configuration was read (keyd --check): a statement of it is "
			"not supported.",
			"A peer needs a section of its own where the defaults say \"serve no\", as they do for racoon.conf and ipsec.conf.",
		},
	},
	[REASON_EXCHANGE] = {
		.name = "exchange",
		.happened = { "It is refused: {text}." },
		.change = {
			"{at}: let this \"exchange\" line name both, `exchange main, aggressive`, or have the peer begin as it says.",
			"{!at}Without an \"exchange\" line only main mode is answered: write `exchange main, aggressive` into the "
			"section of this peer, or have it begin in main mode.",
		},
	},
	[REASON_NO_MEMORY] = { .name = "no-memory", .happened = { "There was not enough memory: {text}." } },
};

const struct reason *reason_by_number(unsigned number)
{
	return &reasons[number < ENGINE_REASONS ? number : REASON_OTHER];
}
