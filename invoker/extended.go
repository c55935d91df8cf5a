package invoker

import (
	"debug/elf"
	"os"
	"path/filepath"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
	"github.com/slipway-run/slipway/invoker/supervisor"
)

// supervise has a sandbox start the extensions of its image before the program, if there
// may be some; the supervisor itself sees what there is. They are Lambda's: a function that
// listens, or reads its standard input, has none.
func (s *Starter) supervise(protocol slipway.Protocol, image slipway.Image, sb *slipway.SandboxSpec) (bool, error) {
	if protocol != slipway.ProtocolLambda && protocol != slipway.ProtocolAuto || !hasExtensions(image) {
		return false, nil
	}
	if err := s.supervisor(); err != nil {
		return false, err
	}
	sb.Args = append([]string{supervisor.Path}, sb.Args...)
	sb.Mounts = append(sb.Mounts, slipway.Mount{Source: s.cfg.Supervisor, Target: supervisor.Path, ReadOnly: true})
	return true, nil
}

// checkSupervisor refuses a file that cannot run in an image of somebody else's: it must
// need no libraries.
func checkSupervisor(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return slipway.Errorf(slipway.ErrUnavailable, "the image has extensions, and this program cannot be read to start them: %w", err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return slipway.Errorf(slipway.ErrUnavailable, "the image has extensions, and this slipway cannot start them, because it is linked to libraries; build it with CGO_ENABLED=0, as make build does")
		}
	}
	return nil
}

func hasExtensions(image slipway.Image) bool {
	for _, layer := range image.Layers {
		if entries, err := os.ReadDir(filepath.Join(layer, supervisor.Folder)); err == nil && len(entries) > 0 {
			return true
		}
	}
	return false
}

// watchProgram makes the end of the program, of which its supervisor tells, that of the
// instance: the extensions live on for a moment.
func (in *instance) watchProgram(api *runtimeapi.Server) {
	over := make(chan struct{})
	in.exited, in.done, in.told = over, over, api
	go func() {
		defer close(over)
		select {
		case <-in.sandbox.Done():
		case <-api.Exited():
		}
	}()
}
