# The host's side of a shell under line policy, read by an interactive bash before its first line.
#
# __cs_turn says on the terminal that the shell waits: OSC 133;D with the status, the session's key of this turn,
# the folder and what was typed that no program read. Then it reads up to the record separator. Only what follows
# the key it was told to listen to is from the gateway; all before it was typed by the client, and goes back.
set -P +o history
unset HISTFILE MAILCHECK TMOUT PROMPT_COMMAND CDPATH
__cs_status=0 __cs_left= __cs_text=
# A pager would take commands of its own.
export PAGER=cat GIT_PAGER=cat SYSTEMD_PAGER=cat MANPAGER=cat LESSSECURE=1

__cs_hex() {
    local LC_ALL=C byte at
    __cs_out=
    for ((at = 0; at < ${#1}; at++)); do
        builtin printf -v byte %d "'${1:at:1}"
        builtin printf -v byte %02x $((byte & 255))
        __cs_out+=$byte
    done
}

__cs_turn() {
    __cs_status=$?
    { local -; set +xvu; } 2>/dev/null
    local mark line hear next old=$OLDPWD
    __cs_text=
    while :; do
        # Where it really is; `cd -` goes on to lead where the user was before.
        builtin cd -P . 2>/dev/null
        OLDPWD=$old
        __cs_hex "$PWD"
        mark=$__cs_out
        __cs_hex "${__cs_left:0:4096}"
        builtin printf -v mark '\e]133;D;%s;%s;%s;%s\a' "$__cs_status" "${__cs_keys% *}" "$mark" "$__cs_out"
        # -s: the echo is off before the mark is out, so that nothing that follows it is shown.
        IFS= builtin read -r -s -d $'\x1e' -p "$mark" line </dev/tty 2>/dev/tty || builtin exit 1
        hear="${__cs_keys#* }: "  # the message that told it the key has no colon after it
        case $line in *"$hear"*) ;; *) continue ;; esac
        __cs_left=${line%%"$hear"*}
        line=${line#*"$hear"}
        next=${line%% *}
        line=${line#* }
        next+=" ${line%% *}"
        line=${line#* }
        __cs_keys=$next  # at once: Ctrl-C may come between any two commands
        [[ $line == '?' ]] && continue
        __cs_left=
        builtin printf -v __cs_text '__cs_begin\n%b' "$line"
        return
    done
}

# What runs is forgotten before it runs: nothing can make the shell read it again.
__cs_begin() {
    __cs_text=
    return $__cs_status
}
