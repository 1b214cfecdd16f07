#!/usr/bin/env bash
# A real Kubernetes control plane for tests, from Debian 12's own packages: the source of Kubernetes 1.20.2, built once with
# Debian's Go 1.19 (about six minutes on two cores), and etcd. Nothing is installed; everything lies in the cache folder.
#
#   scripts/kubernetes.sh build        builds it; prints the folder
#   scripts/kubernetes.sh start DIR    starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler on free ports of
#                                      127.0.0.1; DIR/admin.yaml and DIR/viewer.yaml are kubeconfigs (viewer may do nothing yet)
#   scripts/kubernetes.sh stop DIR     ends them
#
# Controllers of nodes and autoscalers are off: there are no nodes, and tests write the status of pods and autoscalers.
set -euo pipefail

cache="${XDG_CACHE_HOME:-$HOME/.cache}/squall/kubernetes-1.20.2"
version=1.20.5+really1.20.2-1.1+deb12u1

fail() {
    echo "kubernetes.sh: $*" >&2
    exit 1
}

build() {
    if [ -x "$cache/bin/kube-apiserver" ] && [ -x "$cache/bin/etcd" ]; then
        return
    fi
    command -v apt-get >/dev/null || fail "apt-get is needed: this works on Debian 12"
    for tool in make rsync gcc; do
        command -v $tool >/dev/null || fail "$tool is not installed (Debian: apt-get install make rsync gcc)"
    done
    mkdir -p "$cache/apt/lists/partial" "$cache/bin" "$cache/work"
    # The mirror this machine uses already; files of either form may be missing.
    local mirror
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' |
        grep '/debian/*$' | head -n 1 || true)
    mirror=${mirror:-http://deb.debian.org/debian}
    printf 'deb %s bookworm main\ndeb-src %s bookworm main\n' "$mirror" "$mirror" >"$cache/apt/sources.list"
    local apt=(apt-get -qq -o "Dir::Etc::SourceList=$cache/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$cache/apt/lists")
    cd "$cache/work"
    "${apt[@]}" update >&2
    "${apt[@]}" source --download-only "kubernetes=$version" >&2
    "${apt[@]}" download golang-1.19-go golang-1.19-src etcd-server \
        golang-github-modern-go-reflect2-dev >&2
    mkdir -p source debs
    tar xzf kubernetes_*.orig.tar.gz -C source --strip-components 1
    for deb in *.deb; do dpkg -x "$deb" debs; done
    # The source's own version of this package walks maps in a way that crashes since Go 1.18.
    local reflect2=vendor/github.com/modern-go/reflect2
    rm -rf "source/$reflect2"
    cp -rL "debs/usr/share/gocode/src/${reflect2#vendor/}" "source/$reflect2"
    # Its links to the sources are relative, so it works from where it was unpacked.
    local go="$cache/work/debs/usr/lib/go-1.19"
    cat >ver <<END
KUBE_GIT_COMMIT='debian'
KUBE_GIT_TREE_STATE='clean'
KUBE_GIT_VERSION='v1.20.2'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
END
    (
        cd source
        GOROOT="$go" PATH="$go/bin:$PATH" GOPROXY=off GOFLAGS=-p=2 GO111MODULE= CGO_ENABLED=0 GOMAXPROCS=2 \
            KUBE_GIT_VERSION_FILE="$cache/work/ver" \
            make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler" >&2
    )
    cp source/_output/bin/kube-{apiserver,controller-manager,scheduler} "$cache/bin/"
    cp debs/usr/bin/etcd "$cache/bin/"
    cd /
    rm -rf "$cache/work"
}

free_ports() {
    python3 - "$1" <<'END'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])
END
}

kubeconfig() { # file port token
    cat >"$1" <<END
apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$2", insecure-skip-tls-verify: true}}]
users: [{name: test, user: {token: $3}}]
contexts: [{name: test, context: {cluster: test, user: test, namespace: default}}]
END
}

start() {
    local dir=$1 client peer api
    mkdir -p "$dir/certs" "$dir/etcd"
    dir=$(cd "$dir" && pwd)
    read -r client peer api < <(free_ports 3)
    cd "$dir"
    openssl genrsa -out sa.key 2048 2>/dev/null
    openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
    printf 'admintoken,admin,admin,"system:masters"\nviewertoken,viewer,viewer\n' >tokens.csv
    kubeconfig admin.yaml "$api" admintoken
    kubeconfig viewer.yaml "$api" viewertoken
    local urls="http://127.0.0.1:$client"
    "$cache/bin/etcd" --data-dir etcd --listen-client-urls "$urls" --advertise-client-urls "$urls" \
        --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
        --initial-cluster "default=http://127.0.0.1:$peer" >etcd.log 2>&1 &
    echo $! >pids
    "$cache/bin/kube-apiserver" --etcd-servers="$urls" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 \
        --secure-port="$api" --cert-dir=certs --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key --token-auth-file=tokens.csv \
        --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/24 --endpoint-reconciler-type=none \
        --etcd-compaction-interval=10s >apiserver.log 2>&1 &
    echo $! >>pids
    local tries=0
    until curl -sk -H 'Authorization: Bearer admintoken' "https://127.0.0.1:$api/readyz" | grep -qx ok; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            tail -n 20 apiserver.log >&2
            fail "the API server is not ready after a minute"
        fi
        sleep 0.2
    done
    "$cache/bin/kube-controller-manager" --kubeconfig=admin.yaml --port=0 --bind-address=127.0.0.1 --secure-port=0 \
        --cert-dir=certs --leader-elect=false --service-account-private-key-file=sa.key \
        --controllers='*,-nodelifecycle,-horizontalpodautoscaling' >controllers.log 2>&1 &
    echo $! >>pids
    "$cache/bin/kube-scheduler" --kubeconfig=admin.yaml --port=0 --bind-address=127.0.0.1 --secure-port=0 \
        --leader-elect=false >scheduler.log 2>&1 &
    echo $! >>pids
    echo "$dir"
}

stop() {
    [ -f "$1/pids" ] || fail "$1 has no control plane"
    local pid
    for pid in $(tac "$1/pids"); do
        kill "$pid" 2>/dev/null || true
    done
}

case "${1:-}" in
build)
    build
    echo "$cache/bin"
    ;;
start)
    build
    start "${2:?start needs a folder}"
    ;;
stop) stop "${2:?stop needs a folder}" ;;
*) fail "build, start DIR or stop DIR" ;;
esac
