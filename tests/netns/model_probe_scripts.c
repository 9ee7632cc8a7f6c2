// SPDX-License-Identifier: MIT
/*
 * model_probe: what both worlds are told. Statements are listed in model_probe_words.c. SAs lead from alice to bob: "out 1" is alice's
 * end of the first, "in 1" bob's, "pair 1" both; its SPI is 1001. Ports are those of the flows, 1 to 3.
 */
#include "tests/netns/model_probe.h"

#include <stddef.h>

const struct script probe_scripts[] = {
	/* which SA */
	{ "an SA that is there takes the packets", "policies; pair 1; send 3; get alice 1; get bob 1" },
	{ "the newest second wins", "policies; pair 1; send 1; second; pair 2; send 2" },
	{ "within a second, what was inserted last wins", "policies; second; pair 1; pair 2; send 1; pair 3; send 1" },
	{ "a connected socket goes over to a new SA at once, too",
	  "policies; pair 1; send 2 connected=1; second; pair 2; send 1 connected=1" },
	{ "an older SA is taken again when the newer goes",
	  "policies; pair 1; second; pair 2; send 1; delete alice 2; send 1; delete alice 1; send 1; wait alice acquire" },
	{ "a dying SA loses against an older one",
	  "policies; pair 1; second; pair 2 soft-packets=1; send 3; wait alice expire; send 1" },
	{ "one dying SA is better than none, and the newer of two",
	  "policies; pair 1 soft-packets=1; send 2; second; pair 2 soft-packets=1; send 2; send 1" },
	{ "an SA of another reqid is none", "policies; pair 1 reqid=8; send 1; wait alice acquire" },
	{ "a policy without a reqid takes no SA that has one", "policies reqid=0; pair 1; send 1; pair 2 reqid=0; wait line 1; send 1" },
	{ "an SA of another mode is none", "policies; pair 1 tunnel=1; send 1; wait alice acquire" },
	{ "tunnels", "policies tunnel=1; pair 1 tunnel=1; send 2" },
	{ "an SA whose selector does not fit is passed over",
	  "policies; pair 1 port=1; second; pair 2 port=2; send 1 port=1; send 1 port=2; send 1 port=3; wait alice acquire" },
	{ "the policy with the smaller priority wins, and the older of two",
	  "policy alice reqid=7; policy alice reqid=8 port=1 priority=900; pair 1; pair 2 reqid=8; send 1 port=1; send 1 port=2; "
	  "policy alice reqid=9 port=2 priority=1000; pair 3 reqid=9; send 1 port=2" },

	/* larval SAs */
	{ "one ACQUIRE, then silence", "policies; send 3; wait alice acquire; send 2 port=2" },
	{ "a larval SA that is forgotten", "policies; send 1; wait alice acquire; forget; forget; send 1; wait alice acquire" },
	{ "a larval SA that expires",
	  "policies; send 1; wait alice acquire; wait alice expire; wait alice acquire; forget; send 1; wait alice acquire" },
	{ "the answer takes the larval SA's place", "policies; send 1; wait alice acquire; pair 1 answers=1; wait line 1; forget; "
	  "delete alice 1; send 1; wait alice acquire" },
	{ "so does any SA with its ends", "policies; send 1; wait alice acquire; pair 1; wait line 1; delete alice 1; send 1; "
	  "wait alice acquire" },
	{ "an answer to another destination does not",
	  "policies; send 1; wait alice acquire; out 1 answers=1 to=3; forget; forget" },
	{ "a larval SA beside one for another flow", "policies; pair 1 port=1; send 1 port=2; wait alice acquire; send 1 port=1; "
	  "send 1 port=3; pass 850; pair 2; send 1 port=3; wait line 4" },
	{ "a larval SA for another mode", "policies; send 1; wait alice acquire; pair 1 tunnel=1; send 1; forget" },
	{ "nobody listens", "policies; keyd goes; send 2; pass 850; keyd comes; pair 1; send 1; wait line 3" },
	{ "keyd comes back while packets wait", "policies; keyd goes; send 1; keyd comes; wait alice acquire; pair 1; wait line 1" },

	/* the queue */
	{ "what waits leaves in its order, behind what comes later",
	  "policies; send 3; pass 850; pair 1; send 1; wait line 4" },
	{ "101 wait, and no more", "policies; send 104; wait alice acquire; pair 1; wait line 101; send 1" },
	{ "101 for each policy", "policy alice port=1; policy alice port=2 reqid=8; send 102 port=1; send 102 port=2; pair 1; "
	  "pair 2 reqid=8; wait line 202" },
	{ "the queue looks after 100 ms, then after twice as long each time",
	  "policies; send 1; pass 1050; pair 1; wait line 1; delete alice 1; send 1; pass 50; pair 2; wait line 2" },
	{ "what waits goes with its policy", "policies; send 2; wait alice acquire; no-policy alice; policy alice; pair 1; pass 500; "
	  "send 1" },
	{ "what waits stays when its policy is replaced, and goes at once",
	  "policies; send 2; pass 900; pair 1; policy alice; wait line 2" },
	{ "what waits asks again after a flush", "policies; send 1; wait alice acquire; flush alice; wait alice acquire; pair 1; "
	  "wait line 1" },

	/* answers */
	{ "what is there already, and what is not",
	  "out 1; out 1; out 2; delete alice 1; delete alice 1; get alice 1; get alice 2; steal alice 2; steal alice 2; "
	  "move alice 3 to=3" },
	{ "one SPI at two addresses",
	  "out 1; out 1 to=3; get alice 1; get alice 1 to=3; delete alice 1 to=3; get alice 1; get alice 1 to=3" },
	{ "a flush", "policies; pair 1; out 2; send 1 port=1; flush alice; get alice 1; flush alice; send 1; wait alice acquire; "
	  "flush alice; send 1; wait alice acquire" },
	{ "an SA moves to another address",
	  "policies; pair 1; send 3; move alice 1 to=3; get alice 1 to=3; get alice 1; move alice 1 to=3; "
	  "delete alice 1; get alice 1 to=3" },
	{ "an SA moves to another port", "policies; pair 1 encap=4500; send 1; move alice 1 encap=4501; send 1; get alice 1" },
	{ "a soft limit is told again after an update",
	  "policies; pair 1 soft=1 hard=4 encap=4500; wait alice expire; move alice 1 encap=4501; wait alice expire; "
	  "pair 2 soft-packets=1 encap=4500; send 2; wait alice expire; move alice 2 encap=4501; wait alice expire" },
	{ "an SA has UDP from its beginning, or never",
	  "policies; out 1; move alice 1 encap=4500; out 2 encap=4500; move alice 2; send 1" },
	{ "a moved SA has used up what it had",
	  "policies; pair 1 soft-packets=2; send 3; wait alice expire; move alice 1 to=3; get alice 1 to=3; steal alice 1 to=3" },
	{ "a moved SA ends when it would have",
	  "policies; second; out 1 soft=1 hard=3; wait alice expire; move alice 1 to=3; wait alice expire; "
	  "wait alice expire; wait alice expire" },

	/* lifetimes */
	{ "seconds, outbound", "policies; pair 1 soft=1 hard=2; send 1; wait alice expire; send 1; wait alice expire; send 1; "
	  "wait alice acquire" },
	{ "seconds, inbound", "policies; out 1; in 1 soft=1 hard=2; send 1; wait bob expire; send 1; wait bob expire; send 1" },
	{ "a hard limit without a soft one", "policies; pair 1 hard=1; wait alice expire; wait bob expire; send 1; "
	  "wait alice acquire" },
	{ "packets, outbound", "policies; pair 1 soft-packets=2 hard-packets=4; send 2; send 1; wait alice expire; send 1; send 1; "
	  "wait alice expire; send 1; wait alice acquire" },
	{ "packets, inbound", "policies; out 1; in 1 soft-packets=2 hard-packets=4; send 3; wait bob expire; send 2; wait bob expire; "
	  "send 1" },
	{ "bytes, outbound", "policies; pair 1 soft-bytes=2800 hard-bytes=5000; send 2; send 1; wait alice expire; send 1; send 1; "
	  "wait alice expire; send 1; wait alice acquire" },
	{ "bytes, inbound", "policies; out 1; in 1 soft-bytes=2800 hard-bytes=5000; send 3; wait bob expire; send 2; "
	  "wait bob expire; send 1" },
	{ "a soft limit is told once", "policies; pair 1 soft=1 soft-packets=1; send 3; wait alice expire; pass 1500; send 1" },
	{ "a limit is asked for before a packet is looked at",
	  "policies; out 1 key=5; in 1 soft-packets=1; send 1; out 2; in 2; delete alice 1; out 1; send 3; get bob 1" },

	/* replay */
	{ "a packet that comes twice", "policies; pair 1; line keeps; send 2; deliver 1; deliver 1; deliver 2; deliver 1; get bob 1" },
	{ "out of order within the window", "policies; pair 1; line keeps; send 5; deliver 5; deliver 1; deliver 3; deliver 3; deliver 4; "
	  "deliver 2; deliver 5" },
	{ "at the edge of 32 packets", "policies; pair 1; line keeps; send 40; deliver 40; deliver 8; deliver 9; deliver 9; deliver 10" },
	{ "at the edge of 128 packets", "policies; pair 1 window=128; line keeps; send 140; deliver 140; deliver 12; deliver 13; "
	  "deliver 13; deliver 14; deliver 139; deliver 139" },
	{ "at the edge of 100 packets", "policies; pair 1 window=100; line keeps; send 140; deliver 140; deliver 40; deliver 41; "
	  "deliver 41" },
	{ "the window forgets what it leaves", "policies; pair 1 window=64; line keeps; send 200; deliver 1; deliver 2; deliver 65; "
	  "deliver 130; deliver 66; deliver 67; deliver 129; deliver 194; deliver 193; deliver 131; deliver 130" },
	{ "no window, no check", "policies; out 1; in 1 window=0; line keeps; send 3; deliver 3; deliver 1; deliver 1" },
	{ "a long way ahead", "policies; out 1; in 1 window=128; send 2; delete alice 1; out 1 resume=100000; send 2; deliver 1; "
	  "deliver 3" },
	{ "a flush takes the window with it", "policies; pair 1; send 2; deliver 1; flush bob; deliver 1; in 1; deliver 1; deliver 2; "
	  "deliver 2" },
	{ "who resumes has received all",
	  "policies; pair 1; line keeps; send 5; flush bob; in 1 resume=3; deliver 1; deliver 3; deliver 4; deliver 5; "
	  "deliver 4" },
	{ "sequence numbers go on after a resumption", "policies; pair 1; send 2; delete alice 1; out 1 resume=7; send 2" },

	/* what comes in */
	{ "there is no such SA", "policies; out 1; send 1; in 2; send 1; in 1; send 1; delete bob 1; send 1" },
	{ "another key", "policies; out 1 key=3; in 1; send 2; get bob 1" },
	{ "a policy that asks for another reqid", "policy alice; policy bob reqid=8; pair 1; send 1; get bob 1" },
	{ "a policy that takes any reqid", "policy alice; policy bob reqid=0; pair 1; send 1" },
	{ "a policy for another mode", "policy alice; policy bob tunnel=1; pair 1; send 1" },
	{ "no policy, transport mode", "policy alice; pair 1; send 1" },
	{ "no policy, tunnel mode", "policy alice tunnel=1; pair 1 tunnel=1; send 1" },
	{ "outside of the selector, transport mode", "policies; out 1; in 1 port=2; send 1; send 1 port=2" },
	{ "outside of the selector, tunnel mode", "policies tunnel=1; out 1 tunnel=1; in 1 port=2 tunnel=1; send 1; send 1 port=2" },
	{ "in UDP or not", "policies; out 1 encap=4500; in 1; send 1; in 2 encap=4500; out 2; delete alice 1; send 1; delete alice 2; "
	  "out 2 encap=4500; send 1" },
	{ "a NAT that moves", "policies; pair 1 encap=4500; line keeps; send 4; deliver 1; deliver 2 encap=4600; deliver 2 encap=4600; "
	  "deliver 3 encap=4700; deliver 4" },

	/* the first packet */
	{ "the first packet is told once", "policies; out 1; in 1 first=1; send 1; wait bob first; send 3; pass 200; send 1; pass 100" },
	{ "but not to who has not asked", "policies; pair 1; send 2; pass 100; send 1; pass 100" },
	{ "nor with another key, nor an old one", "policies; out 1 key=2; in 1 first=1; send 1; pass 100; delete alice 1; out 1; send 1; "
	  "wait bob first" },
	{ "an SA without a window tells no packet", "policies; out 1; in 1 first=1 window=0; send 2; pass 100; send 1; pass 100" },
	{ "the first packet where the policy lets none in",
	  "policy alice; policy bob reqid=8; out 1; in 1 first=1; send 1; pass 100; send 1" },
	{ NULL, NULL }
};
