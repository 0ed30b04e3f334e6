package compile

import (
	"strings"
	"testing"
)

// TestVersionedRef: ref without a version is the latest one; a version that is
// not there is never taken for another.
func TestVersionedRef(t *testing.T) {
	base := map[string]string{
		"models/orders_v1.sql":   "select 1 as id",
		"models/orders_next.sql": "select 2 as id",
		"models/orders_v3.sql":   "select 3 as id",
		"models/parts_v1.sql":    "select 1 as id",
		"models/parts_v2.sql":    "select 2 as id",
		"models/items_v2.sql":    "select 4 as id",
		"models/single.sql":      "select 5 as id",
		"models/models.yml": "models:\n- name: orders\n  latest_version: 2\n  versions:\n  - v: 1\n  - {v: 2, defined_in: orders_next}\n  - {v: 3, config: {enabled: false}}\n" +
			"- name: parts\n  versions: [{v: 1}, {v: 2, config: {enabled: false}}]\n",
	}
	for ref, want := range map[string]string{
		"ref('orders')":              "model.shop.orders.v2",
		"ref('orders', v=1)":         "model.shop.orders.v1",
		"ref('orders', version='1')": "model.shop.orders.v1",
		"ref('orders', v=none)":      "model.shop.orders.v2",
		"ref('shop', 'orders', v=1)": "model.shop.orders.v1",
		"ref('orders_v1')":           "model.shop.orders.v1",
		"ref('items', v=2)":          "model.shop.items_v2",
		"ref('orders', v=9)":         "model 'orders' has no version 9; there is 1, 2 (latest)",
		"ref('orders', v=3)":         "model 'orders_v3' is disabled",
		"ref('parts')":               "model 'parts_v2' is disabled",
		"ref('parts', v=1)":          "model.shop.parts.v1",
		"ref('single', v=1)":         "model 'single' has no versions, so no version 1",
		"ref('nothing', v=1)":        "there is no model 'nothing'",
	} {
		files := map[string]string{"models/reader.sql": "select * from {{ " + ref + " }}"}
		for k, v := range base {
			files[k] = v
		}
		g, err := compile(t, files, nil)
		if err != nil {
			if !strings.Contains(err.Error(), want) || strings.HasPrefix(want, "model.") {
				t.Errorf("%s: %v, want %s", ref, err, want)
			}
			continue
		}
		if got := g.Model("reader").Refs; len(got) != 1 || got[0] != want {
			t.Errorf("%s reads %v, want %s", ref, got, want)
		}
	}
}
