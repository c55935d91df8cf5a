package slipway

// Image is an OCI image that is ready to run on this machine: its configuration and
// the folders its layers were unpacked to.
type Image struct {
	Digest     string            // of the manifest
	Layers     []string          // absolute folders, lowest first; read-only and shared by all instances
	Entrypoint []string          // as in the image configuration
	Cmd        []string          //
	Env        []string          // NAME=value
	WorkingDir string            // "" is /
	User       string            // user[:group], names or numbers; "" is root in the sandbox
	Labels     map[string]string //
}

// Argv is the command line of an instance: command if there is one, else the image's
// entrypoint and command, as docker run does it.
func (i Image) Argv(command []string) []string {
	if len(command) > 0 {
		return command
	}
	return append(append([]string(nil), i.Entrypoint...), i.Cmd...)
}
