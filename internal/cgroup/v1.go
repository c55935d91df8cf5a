package cgroup

// addV1 takes the controllers of a v1 hierarchy, which stand among the options of
// its mount: "rw,cpu,cpuacct".
func (s *System) addV1(root string, options []string) {
	at := map[string]*controller{
		"memory": &s.memory, "cpu": &s.cpu, "cpuacct": &s.cpuacct, "pids": &s.pids, "freezer": &s.freezer,
	}
	for _, o := range options {
		if c := at[o]; c != nil && c.version == none {
			*c = controller{root, v1}
		}
	}
}
