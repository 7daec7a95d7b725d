# SPDX-License-Identifier: BSD-3-Clause
# Sourced by bench/peers/run and bench/wire: Debian's peers, and how each is run on its configuration here. Debian lets
# only one of rsyslog and syslog-ng be installed, and both would be services: what is not there is unpacked beside the
# build, and only what it needs is installed.
#
# Needs $peers (this directory), $unpacked (where to), $work (what a run writes).

. "$peers/../../tests/packages.sh"

unpack() { # PACKAGE
	[ -d "$unpacked/$1" ] && return
	mkdir -p "$unpacked/archives"
	(cd "$unpacked/archives" && apt-get download -qq "$1" 2>/dev/null)
	dpkg-deb -x "$unpacked/archives/$1"_*.deb "$unpacked/$1"
}

install_peers() {
	install_packages sec mawk time procps iproute2 libestr0 libfastjson4 liblognorm5 libivykis0 libnet1 libwrap0 >&2
	rsyslogd=$(command -v rsyslogd) || {
		unpack rsyslog
		rsyslogd="$unpacked/rsyslog/usr/sbin/rsyslogd -M $unpacked/rsyslog/usr/lib/x86_64-linux-gnu/rsyslog"
	}
	syslog_ng=$(command -v syslog-ng) || {
		unpack syslog-ng-core
		root=$unpacked/syslog-ng-core/usr
		syslog_ng="env LD_LIBRARY_PATH=$root/lib/syslog-ng $root/sbin/syslog-ng --module-path=$(echo "$root"/lib/syslog-ng/[0-9]*)"
	}
}

version_of() { # PEER
	case $1 in
	offhook) "$build/control/offhook" --version | sed 's/^offhook *//' ;;
	awk) mawk -W version 2>&1 | sed -n '1s/^/mawk /p' | cut -d' ' -f 1,3 ;;
	sec) sec --version | sed 's/.*) //;q' ;;
	syslog-ng) $syslog_ng --version | sed -n 's/^syslog-ng.*(\(.*\)).*/\1/p' ;;
	rsyslog) $rsyslogd -v | sed -n '1s/^rsyslogd *\([0-9.]*\).*/\1/p' ;;
	esac
}

# Configurations into $work, and the command that runs each, its findings in $work/findings.
syslog_ng_config() { # SOURCE
	sed "s|^@version.*|&\n@define PEERS \"$peers\"\n@define SOURCE \"$1\"|; s|file(\"findings\"|file(\"$work/findings\"|" \
		"$peers/syslog-ng.conf" >"$work/syslog-ng.conf"
	syslog_ng_command="$syslog_ng --foreground --stderr --no-caps --cfgfile=$work/syslog-ng.conf
		--persist-file=$work/persist --control=$work/ctl --pidfile=$work/syslog-ng.pid"
}

rsyslog_config() { # INPUT
	{
		echo "$1"
		cat "$peers/rsyslog.conf"
	} >"$work/rsyslog.conf"
	export PEERS="$peers" STATE="$work"
	rsyslog_command="$rsyslogd -n -i $work/rsyslog.pid -f $work/rsyslog.conf"
}

sec_command() { # INPUT
	echo "sec --conf=$peers/sec.conf --input=$1 --notail --intevents --blocksize=65536 --poll-timeout=0.01 --log=$work/sec.log"
}

# Until a process has nothing left to do.
wait_idle() { # PID
	ticks=
	until [ "$ticks" = "$(cut -d' ' -f 14,15 "/proc/$1/stat")" ]; do
		ticks=$(cut -d' ' -f 14,15 "/proc/$1/stat")
		sleep "${2:-1}"
	done
}
