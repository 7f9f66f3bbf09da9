package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// cluster is the Services as the API would list them.
type cluster struct {
	services []v1.Service
	err      error
}

func (c *cluster) list(context.Context) ([]v1.Service, error) { return c.services, c.err }

func (c *cluster) pool() *pool {
	return newPool(c.list, netip.MustParseAddr("10.99.0.100"), netip.MustParseAddr("10.99.0.102"))
}

func named(name, address string) *v1.Service {
	made := &v1.Service{}
	made.Namespace, made.Name, made.UID = "default", name, types.UID(name)
	if address != "" {
		made.Status.LoadBalancer.Ingress = []v1.LoadBalancerIngress{{IP: address}}
	}
	return made
}

func acquire(t *testing.T, p *pool, s *v1.Service) string {
	t.Helper()
	address, err := p.acquire(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func TestAddressesAreGivenOnceAndKept(t *testing.T) {
	p := (&cluster{}).pool()
	for turn := range 2 { // asking again gives the same
		for number, want := range []string{"10.99.0.100", "10.99.0.101", "10.99.0.102"} {
			if got := acquire(t, p, named(fmt.Sprint(number), "")); got != want {
				t.Errorf("turn %d, service %d: got %s, want %s", turn, number, got, want)
			}
		}
	}
	_, err := p.acquire(context.Background(), named("one too many", ""))
	if err == nil || !strings.Contains(err.Error(), "all addresses from 10.99.0.100 to 10.99.0.102 are in use") {
		t.Errorf("a full pool: %v", err)
	}
}

func TestARestartForgetsNothing(t *testing.T) {
	c := &cluster{services: []v1.Service{*named("a", "10.99.0.100"), *named("b", "10.99.0.101")}}
	p := c.pool()
	if got := acquire(t, p, named("new", "")); got != "10.99.0.102" {
		t.Errorf("a new service got %s, which another one has", got)
	}
	if got := acquire(t, p, named("b", "10.99.0.101")); got != "10.99.0.101" {
		t.Errorf("b had 10.99.0.101 and got %s", got)
	}
	if got, found := p.of(named("a", "10.99.0.100")); !found || got != "10.99.0.100" {
		t.Errorf("a has 10.99.0.100; found %v, %s", found, got)
	}
}

func TestAnAddressIsFreeOnlyWhenItsServicesStatusNoLongerNamesIt(t *testing.T) {
	c := &cluster{}
	p := c.pool()
	first := named("first", acquire(t, p, named("first", "")))
	c.services = []v1.Service{*first}
	p.release(first)
	if got := acquire(t, p, named("second", "")); got != "10.99.0.101" {
		t.Errorf("got %s while the first service still shows it", got)
	}
	c.services = nil
	if got := acquire(t, p, named("third", "")); got != "10.99.0.100" {
		t.Errorf("got %s, want the one that is free again", got)
	}
}

func TestAWantedAddressIsGivenOrRefusedWithAReason(t *testing.T) {
	p := (&cluster{services: []v1.Service{*named("holder", "10.99.0.101")}}).pool()
	for address, want := range map[string]string{
		"10.99.0.101": "in use by default/holder",
		"192.0.2.7":   "outside the pool",
		"nonsense":    "outside the pool",
	} {
		asking := named("asking", "")
		asking.Spec.LoadBalancerIP = address
		if _, err := p.acquire(context.Background(), asking); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
	asking := named("asking", "")
	asking.Spec.LoadBalancerIP = "10.99.0.102"
	if got := acquire(t, p, asking); got != "10.99.0.102" {
		t.Errorf("asked for 10.99.0.102, got %s", got)
	}
}

func TestAnUnreadableClusterGivesNoAddress(t *testing.T) {
	if _, err := (&cluster{err: errors.New("no answer")}).pool().acquire(context.Background(), named("a", "")); err == nil {
		t.Error("an address was given without knowing which are in use")
	}
}
