package wire

import (
	"fmt"
	"runtime/debug"
)

// The versions of the protocol this build speaks.
const (
	MinVersion = 1
	MaxVersion = 1
)

// Roles in a Hello.
const (
	RoleCoordinator = "coordinator"
	RoleRunner      = "runner"
)

// NewHello returns the greeting of this build in the given role.
func NewHello(role string) *Hello {
	build := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		build = info.Main.Version
	}
	return &Hello{MinVersion: MinVersion, MaxVersion: MaxVersion, Build: build, Role: role}
}

// VersionMismatch says that two builds have no version of the protocol in common.
type VersionMismatch struct{ Own, Peer *Hello }

// Error names both sides.
func (e *VersionMismatch) Error() string {
	return fmt.Sprintf("the %s and the %s are of builds that do not fit together: use the same swarm for both",
		side(e.Own), side(e.Peer))
}

func side(h *Hello) string {
	versions := fmt.Sprint(h.GetMinVersion())
	if h.GetMaxVersion() != h.GetMinVersion() {
		versions = fmt.Sprintf("%d to %d", h.GetMinVersion(), h.GetMaxVersion())
	}
	return fmt.Sprintf("%.32q (build %.64q, protocol %s)", h.GetRole(), h.GetBuild(), versions)
}

// Negotiate returns the highest version both sides speak; the error is a
// *VersionMismatch if there is none. It gives the same answer on both sides.
func Negotiate(own, peer *Hello) (uint32, error) {
	version := min(own.GetMaxVersion(), peer.GetMaxVersion())
	if version < max(own.GetMinVersion(), peer.GetMinVersion()) || version == 0 {
		return 0, &VersionMismatch{Own: own, Peer: peer}
	}
	return version, nil
}
