package main

import (
	"context"

	v1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
)

// cloud is a cloud provider that has load balancers and nothing else.
type cloud struct {
	pool *pool
}

func (c *cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (c *cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (c *cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return nil, false }
func (c *cloud) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (c *cloud) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (c *cloud) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (c *cloud) ProviderName() string                                              { return "slipway" }
func (c *cloud) HasClusterID() bool                                                { return true }
func (c *cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool)                  { return c, true }

// GetLoadBalancerName names the load balancer after its Service.
func (c *cloud) GetLoadBalancerName(_ context.Context, _ string, service *v1.Service) string {
	return service.Namespace + "/" + service.Name
}

// GetLoadBalancer reports the address that the Service has, if it has one.
func (c *cloud) GetLoadBalancer(_ context.Context, _ string, service *v1.Service) (*v1.LoadBalancerStatus, bool, error) {
	address, found := c.pool.of(service)
	if !found {
		return nil, false, nil
	}
	return status(address), true, nil
}

// EnsureLoadBalancer gives the Service its address: the one it has, else a free one.
func (c *cloud) EnsureLoadBalancer(
	ctx context.Context, _ string, service *v1.Service, _ []*v1.Node,
) (*v1.LoadBalancerStatus, error) {
	address, err := c.pool.acquire(ctx, service)
	if err != nil {
		return nil, err
	}
	return status(address), nil
}

// UpdateLoadBalancer has nothing to do: the single node is the pool's own.
func (c *cloud) UpdateLoadBalancer(context.Context, string, *v1.Service, []*v1.Node) error {
	return nil
}

// EnsureLoadBalancerDeleted takes the address back.
func (c *cloud) EnsureLoadBalancerDeleted(_ context.Context, _ string, service *v1.Service) error {
	c.pool.release(service)
	return nil
}

func status(address string) *v1.LoadBalancerStatus {
	return &v1.LoadBalancerStatus{Ingress: []v1.LoadBalancerIngress{{IP: address}}}
}
