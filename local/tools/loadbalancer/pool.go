package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// lister reads all Services as they are now.
type lister func(context.Context) ([]v1.Service, error)

// pool hands out the addresses from first to last, each to one Service at a time.
//
// The Services' own status in the API is the record, so a restart forgets nothing. What was handed out but is not yet
// written there is remembered in given.
type pool struct {
	services    lister
	first, last netip.Addr

	mutex sync.Mutex
	given map[types.UID]string
}

func newPool(services lister, first, last netip.Addr) *pool {
	return &pool{services: services, first: first, last: last, given: map[types.UID]string{}}
}

// of returns the address that the Service holds.
func (p *pool) of(service *v1.Service) (string, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.held(service)
}

// acquire returns the Service's address; a Service without one gets spec.loadBalancerIP if that is asked for and free,
// else the lowest free address.
func (p *pool) acquire(ctx context.Context, service *v1.Service) (string, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	services, err := p.services(ctx)
	if err != nil {
		return "", fmt.Errorf("cannot read which addresses are in use: %w", err)
	}
	used := map[string]string{}
	for i := range services {
		other := &services[i]
		if other.UID == service.UID {
			continue
		}
		for _, ingress := range other.Status.LoadBalancer.Ingress {
			used[ingress.IP] = other.Namespace + "/" + other.Name
		}
	}
	for uid, address := range p.given {
		if uid != service.UID {
			used[address] = "a Service being set up"
		}
	}
	if address, found := p.held(service); found && used[address] == "" {
		p.given[service.UID] = address
		return address, nil
	}
	if wanted := service.Spec.LoadBalancerIP; wanted != "" {
		if holder := used[wanted]; holder != "" {
			return "", fmt.Errorf("spec.loadBalancerIP %s is in use by %s; take another one", wanted, holder)
		}
		if !p.contains(wanted) {
			return "", fmt.Errorf("spec.loadBalancerIP %s is outside the pool %s to %s", wanted, p.first, p.last)
		}
		p.given[service.UID] = wanted
		return wanted, nil
	}
	for address := p.first; address.Compare(p.last) <= 0; address = address.Next() {
		if used[address.String()] == "" {
			p.given[service.UID] = address.String()
			return address.String(), nil
		}
	}
	return "", fmt.Errorf("all addresses from %s to %s are in use; delete a Service of type LoadBalancer", p.first, p.last)
}

// release forgets the Service; the address is free once the Service's status no longer names it.
func (p *pool) release(service *v1.Service) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.given, service.UID)
}

// held is the address already given to the Service (the mutex is held).
func (p *pool) held(service *v1.Service) (string, bool) {
	if address, found := p.given[service.UID]; found {
		return address, true
	}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if p.contains(ingress.IP) {
			return ingress.IP, true
		}
	}
	return "", false
}

func (p *pool) contains(address string) bool {
	parsed, err := netip.ParseAddr(address)
	return err == nil && parsed.Compare(p.first) >= 0 && parsed.Compare(p.last) <= 0
}
