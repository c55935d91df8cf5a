package userns

import "strings"

// Parse reads imitations of uid_map and gid_map.
func Parse(users, groups string) (IDs, error) {
	u, err := parseMap(strings.NewReader(users))
	if err != nil {
		return IDs{}, err
	}
	g, err := parseMap(strings.NewReader(groups))
	if err != nil {
		return IDs{}, err
	}
	return idsOf(u, g), nil
}
