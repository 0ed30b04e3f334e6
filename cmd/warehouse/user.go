package main

import "os/user"

// userName is who runs the command, for the register.
func userName(env Env) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if v := env.get(name); v != "" {
			return v
		}
	}
	return ""
}
