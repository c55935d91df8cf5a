package sandbox

// Stage makes a runtime assemble roots as it does on kernels that cannot in place.
func (n *Native) Stage() error {
	s, err := newStage(n.privileges.overlay())
	if err != nil {
		return err
	}
	n.roots.close()
	n.roots = s
	return nil
}
