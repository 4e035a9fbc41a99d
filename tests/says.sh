# SPDX-License-Identifier: MIT
#
# says.sh: read by tests of what the tool says when something is wrong.  They set quire and failed.

# says STATUS WORD ARG...: quire exits so, and standard error has the word.  Standard output goes to $out.
says() {
	status=$1 word=$2
	shift 2
	said=$("$quire" "$@" 2>&1 >"${out:-/dev/null}")
	got=$?
	case $got:$said in
	$status:*"$word"*) echo "ok quire $*: $word" ;;
	*)
		echo "FAILED quire $*: $word: $got: $said"
		failed=1
		;;
	esac
}
