package trino

import (
	"net/url"
	"os/user"
	"testing"

	"warehouse/runner/engine"
)

// Who asks is named by the DSN, or else by the operating system: the server
// answers nobody without a name.
func TestUser(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip("this process has no user name: ", err)
	}
	for dsn, want := range map[string]string{
		"http://127.0.0.1:8080":                 me.Username,
		"http://127.0.0.1:8080?clientTags=a%3B": me.Username,
		"http://ana@127.0.0.1:8080":             "ana",
		"https://ana:p%40ss@trino.example:8443": "ana",
	} {
		c, err := config(engine.Target{DSN: dsn, Catalog: "lake"})
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		u, err := url.Parse(c.ServerURI)
		if err != nil || u.User.Username() != want {
			t.Errorf("%s: the server is asked as %s, %v", dsn, c.ServerURI, err)
		}
	}
}
