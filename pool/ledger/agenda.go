package ledger

import "time"

// agenda is the versions for which something is due although nothing happens, the next
// at the root of a heap. A version may stand there too early: it is looked at then, and
// put where it belongs. So an event that makes something due later costs nothing.
type agenda []*version

// wake has v looked at by t, if that is not so already.
func (a *agenda) wake(v *version, t time.Time) {
	switch {
	case v.place == 0:
		v.due = t
		*a = append(*a, v)
		v.place = len(*a)
	case t.Before(v.due):
		v.due = t
	default:
		return
	}
	a.up(v.place - 1)
}

// next is the first of them, or nil.
func (a agenda) next() *version {
	if len(a) == 0 {
		return nil
	}
	return a[0]
}

// remove takes v off.
func (a *agenda) remove(v *version) {
	if v.place == 0 {
		return
	}
	i, last := v.place-1, len(*a)-1
	a.swap(i, last)
	(*a)[last] = nil
	*a = (*a)[:last]
	v.place = 0
	if i < last {
		a.down(i)
		a.up(i)
	}
}

func (a agenda) swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i+1, j+1
}

func (a agenda) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !a[i].due.Before(a[parent].due) {
			return
		}
		a.swap(i, parent)
		i = parent
	}
}

func (a agenda) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(a) {
			return
		}
		if right := child + 1; right < len(a) && a[right].due.Before(a[child].due) {
			child = right
		}
		if !a[child].due.Before(a[i].due) {
			return
		}
		a.swap(i, child)
		i = child
	}
}
