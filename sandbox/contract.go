package sandbox

import (
	"context"

	"github.com/swarmload/swarm/engine/vu"
)

// Function makes ready an exported function that is called again and again.
func (p *Program) Function(ctx context.Context, name string) (vu.Function, error) {
	panic("contract")
}

// Setup runs vuSetup(data), if the script has one.
func (v *VU) Setup(ctx context.Context) error { panic("contract") }

// Teardown runs vuTeardown(data), if the script has one and Setup was completed.
func (v *VU) Teardown(ctx context.Context) error { panic("contract") }
