# SPDX-License-Identifier: BSD-3-Clause
# Sourced by bench/demo and tests/run: the Debian 12 packages that offhook is built and tested with.

build_packages='gcc libc6-dev clang-14 llvm-14 meson ninja-build pkg-config libdpdk-dev
	libhyperscan-dev libjemalloc-dev libfyaml-dev libjansson-dev libxdp-dev libbpf-dev libpcap-dev
	libxxhash-dev uthash-dev zlib1g-dev libssl-dev libsqlite3-dev libmicrohttpd-dev
	libcurl4-openssl-dev librdkafka-dev'
test_packages='libcmocka-dev libclang-rt-14-dev iproute2 ethtool procps python3 python3-yaml
	python3-prometheus-client bsdutils openssl curl kcat rsyslog prometheus prometheus-alertmanager
	systemd spin tzdata valgrind'

# Install those of the arguments that are missing; needs root only if there are any.
install_packages() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"
	# -y: rsyslog and the like ask nothing, and start nothing where there is no systemd.
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}
