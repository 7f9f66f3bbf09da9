// Command cri asks a container runtime, over its CRI socket, for the few things the embedded cluster needs without a
// kubelet: whether it works, what runs, and to stop or remove every pod. Stopping through the runtime (rather than killing
// processes) gives applications their grace period and lets the network plugins undo what they set up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	socket := flag.String("socket", "", "path of the runtime's socket")
	grace := flag.Int64("grace", 10, "seconds a container gets to end by itself")
	limit := flag.Duration("timeout", time.Minute, "how long to wait for everything")
	flag.Parse()
	if err := run(*socket, flag.Arg(0), *grace, *limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(socket, command string, grace int64, limit time.Duration) error {
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	client := runtime.NewRuntimeServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	switch command {
	case "version":
		version, err := client.Version(ctx, &runtime.VersionRequest{})
		if err != nil {
			return err
		}
		fmt.Println(version.RuntimeName, version.RuntimeVersion)
		return nil
	case "running":
		list, err := running(ctx, client)
		if err != nil {
			return err
		}
		for _, container := range list {
			fmt.Println(container.Id)
		}
		return nil
	case "stop":
		return errors.Join(stopContainers(ctx, client, grace), eachSandbox(ctx, client, stopSandbox(client)))
	case "remove":
		return errors.Join(
			stopContainers(ctx, client, grace),
			eachSandbox(ctx, client, stopSandbox(client)),
			eachSandbox(ctx, client, func(ctx context.Context, id string) error {
				_, err := client.RemovePodSandbox(ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: id})
				return err
			}),
		)
	default:
		return fmt.Errorf("unknown command %q: want version, running, stop or remove", command)
	}
}

// stopContainers ends all running containers at the same time.
func stopContainers(ctx context.Context, client runtime.RuntimeServiceClient, grace int64) error {
	list, err := running(ctx, client)
	if err != nil {
		return err
	}
	return parallel(list, func(container *runtime.Container) error {
		_, err := client.StopContainer(ctx, &runtime.StopContainerRequest{ContainerId: container.Id, Timeout: grace})
		return err
	})
}

func running(ctx context.Context, client runtime.RuntimeServiceClient) ([]*runtime.Container, error) {
	state := &runtime.ContainerStateValue{State: runtime.ContainerState_CONTAINER_RUNNING}
	list, err := client.ListContainers(ctx, &runtime.ListContainersRequest{
		Filter: &runtime.ContainerFilter{State: state},
	})
	if err != nil {
		return nil, err
	}
	return list.Containers, nil
}

func stopSandbox(client runtime.RuntimeServiceClient) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		_, err := client.StopPodSandbox(ctx, &runtime.StopPodSandboxRequest{PodSandboxId: id})
		return err
	}
}

func eachSandbox(
	ctx context.Context, client runtime.RuntimeServiceClient, do func(context.Context, string) error,
) error {
	list, err := client.ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	return parallel(list.Items, func(sandbox *runtime.PodSandbox) error { return do(ctx, sandbox.Id) })
}

// parallel runs do for every item, sixteen at a time, and joins what went wrong.
func parallel[T any](items []T, do func(T) error) error {
	var group sync.WaitGroup
	slots := make(chan struct{}, 16)
	failures := make([]error, len(items))
	for index, item := range items {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			failures[index] = do(item)
		})
	}
	group.Wait()
	return errors.Join(failures...)
}
