# SPDX-License-Identifier: MIT
# Every algorithm that keyd and a peer share: each pair of encryption and integrity for IKE and for ESP, and each pair of PRF and key
# exchange, in as few negotiations as that takes; the lists come from both sides' tables.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of lib.sh and its parts

# suite_tables: keyd's algorithms, into encrs (aead and others), integs, prfs, kes
suite_tables()
{
	local kind name flags

	aeads=() ciphers=() esp_only=() integs=() prfs=() kes=()
	while read -r kind name flags; do
		case $kind/$flags in
		encr/*aead*) aeads+=("$name") ;;
		encr/*esp-only*) esp_only+=("$name") ;;
		encr/*) ciphers+=("$name") ;;
		integ/*) integs+=("$name") ;;
		prf/*) prfs+=("$name") ;;
		ke/*) kes+=("$name") ;;
		esac
	done < <("${O:-build}/tests/algs")
}

# suite_list ike|esp PAIR…: those whose words the peer knows, into $known; a skipped cell for each of the others
suite_list()
{
	local what=$1 pair word unknown

	shift
	known=()
	for pair in "$@"; do
		unknown=
		for word in ${pair//-/ }; do
			"${kind_peer}_knows" "$host_peer" "$what" "$word" || unknown=$word
		done
		cell_begin "$prefix $pair"
		if [ -z "$unknown" ]; then
			known+=("$pair")
		else
			local -n table=${kind_peer}_table
			cell_result skip "$kind_peer: no $unknown for ${what^^} (${table[$what]})"
			skip "$column $cell_id" "$kind_peer has no $unknown"
		fi
	done
}

# suite_fits ENCR-INTEG PRF-KE: may they stand in one proposal of this peer's
suite_fits()
{
	local prf=${2%-*}

	[ "$kind_peer" != libreswan ] || [[ $1 != *-* ]] || [ "${1#*-}" = "${prf#prf}" ]
}

# suite_next: the next suite that has something new in it, into suite_e, suite_p, suite_s; fails when all is done
suite_next()
{
	local pair

	suite_e="" suite_p="" suite_s=""
	[ ${#todo_e[@]} -gt 0 ] || [ ${#todo_p[@]} -gt 0 ] || [ ${#todo_s[@]} -gt 0 ] || return
	# An AEAD goes with every PRF.
	suite_e=${todo_e[0]-${all_e[0]}}
	for pair in "${todo_p[@]}" "${all_p[@]}"; do
		if suite_fits "$suite_e" "$pair"; then
			suite_p=$pair
			break
		fi
	done
	suite_s=${todo_s[0]-${all_s[0]}}
	todo_e=("${todo_e[@]:1}")
	todo_s=("${todo_s[@]:1}")
	local -a rest=()
	for pair in "${todo_p[@]}"; do
		[ "$pair" = "$suite_p" ] || rest+=("$pair")
	done
	todo_p=("${rest[@]}")
}

# suite_all: proposals that take every suite, for the responder
suite_all()
{
	local IFS=-

	tunnel[bob.ike]="${suite_aeads[*]}-${suite_prfs[*]}-${suite_kes[*]},${suite_ciphers[*]}-${suite_integs[*]}-${suite_prfs[*]}-${suite_kes[*]}"
	tunnel[bob.esp]=
	[ ${#suite_esp_aeads[@]} = 0 ] || tunnel[bob.esp]="${suite_esp_aeads[*]},"
	tunnel[bob.esp]+="${suite_esp_ciphers[*]}-${suite_esp_integs[*]}"
}

# suite_words NAME WHAT WORD…: those that the peer knows, into the array NAME
suite_words()
{
	local -n list=$1
	local what=$2 word

	shift 2
	list=()
	for word in "$@"; do
		! "${kind_peer}_knows" "$host_peer" "$what" "$word" || list+=("$word")
	done
}

# product A… -- B…: "A-B" of each
product()
{
	local first=() a b

	while [ "$1" != -- ]; do
		first+=("$1")
		shift
	done
	shift
	for a in "${first[@]}"; do
		for b in "$@"; do
			echo "$a-$b"
		done
	done
}

suite_try()
{
	tunnel[alice.ike]=$suite_e-$suite_p
	tunnel[alice.esp]=$suite_s
	must "alice takes the suite" peer alice reload || return
	peer alice down >/dev/null 2>&1
	must "nothing is up" wait_until 10 sends_are 0 || return
	scene_up || return
	must "pings" in_host alice ping -q -c 2 -i 0.2 -W 5 -I "$ends_a" "$ends_b"
}

# A negotiation stands for three cells; when it fails, its name is in each.
suite_cells()
{
	local ids=("IKE $suite_e" "IKE $suite_p" "ESP $suite_s") id result=ok note

	cell_begin "${ids[0]}"
	suite_try
	[ ${#faults[@]} = 0 ] || result=FAIL
	note=${faults[0]:+${faults[0]} (ike $suite_e-$suite_p, esp $suite_s)}
	for id in "${ids[@]}"; do
		[ -z "${suite_done[$id]-}" ] || continue
		suite_done[$id]=1
		cell_id=$id
		cell_result $result "$note"
		if [ $result = ok ]; then
			ok "$column $id"
		else
			not_ok "$column $id: $note"
		fi
	done
	if [ $result = FAIL ]; then
		cell_id=suite.$suite_e-$suite_p.$suite_s
		cell_logs
	fi
}

job_suites()
{
	local prefix known todo_e todo_p todo_s all_e all_p all_s suite_e suite_p suite_s
	local -A suite_done=()

	hosts_direct
	kind_peer=$kind_b host_peer=bob
	[ "$kind_b" != keyd ] || kind_peer=$kind_a host_peer=alice
	suite_tables
	scene transport 4
	scene_start # what the peer has can be asked once it runs
	suite_words suite_aeads ike "${aeads[@]}"
	suite_words suite_ciphers ike "${ciphers[@]}"
	suite_words suite_integs ike "${integs[@]}"
	suite_words suite_prfs ike "${prfs[@]}"
	suite_words suite_kes ike "${kes[@]}"
	suite_words suite_esp_aeads esp "${aeads[@]}"
	suite_words suite_esp_ciphers esp "${ciphers[@]}" "${esp_only[@]}"
	suite_words suite_esp_integs esp "${integs[@]}"
	# shellcheck disable=SC2046 # names of algorithms
	{
		prefix=IKE
		suite_list ike "${aeads[@]}" $(product "${ciphers[@]}" -- "${integs[@]}") && all_e=("${known[@]}")
		suite_list ike $(product "${prfs[@]}" -- "${kes[@]}") && all_p=("${known[@]}")
		prefix=ESP
		suite_list esp "${aeads[@]}" $(product "${ciphers[@]}" "${esp_only[@]}" -- "${integs[@]}") && all_s=("${known[@]}")
	}
	todo_e=("${all_e[@]}") todo_p=("${all_p[@]}") todo_s=("${all_s[@]}")
	suite_all
	peer bob reload >/dev/null 2>&1 || fault "bob takes all suites"
	while suite_next; do
		suite_cells
	done
	scene_stop
}
