// Command loadbalancer gives Services of type LoadBalancer an address from a pool on the node's own bridge.
//
// It runs the service controller that every cloud controller manager runs; only the cloud behind it is ours, and that
// cloud is a range of addresses. kube-proxy already answers for an address as soon as it stands in a Service's status,
// so there is nothing else to program.
package main

import (
	"context"
	"flag"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig to use")
	first := flag.String("first", "10.99.0.100", "first address of the pool")
	last := flag.String("last", "10.99.0.250", "last address of the pool")
	health := flag.String("health-address", "127.0.0.1:10270", "where /healthz answers")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	from, err := netip.ParseAddr(*first)
	exitOn(err, "the first address of the pool")
	to, err := netip.ParseAddr(*last)
	exitOn(err, "the last address of the pool")
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	exitOn(err, "the kubeconfig")
	client, err := kubernetes.NewForConfig(config)
	exitOn(err, "the API client")

	services := func(ctx context.Context) ([]v1.Service, error) {
		list, err := client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	}
	shared := informers.NewSharedInformerFactory(client, 10*time.Minute)
	controller, err := service.New(
		&cloud{pool: newPool(services, from, to)},
		client,
		shared.Core().V1().Services(),
		shared.Core().V1().Nodes(),
		"slipway",
		featuregate.NewFeatureGate(),
	)
	exitOn(err, "the service controller")

	go serveHealth(*health, client)
	shared.Start(ctx.Done())
	// One worker: addresses are handed out one after the other.
	controller.Run(ctx, 1, controllers.NewControllerManagerMetrics("loadbalancer"))
}

// serveHealth answers 200 while the API server answers us, so that a controller cut off from it shows as unhealthy.
func serveHealth(address string, client kubernetes.Interface) {
	http.HandleFunc("/healthz", func(writer http.ResponseWriter, request *http.Request) {
		if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(request.Context()); err != nil {
			http.Error(writer, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = writer.Write([]byte("ok"))
	})
	server := &http.Server{Addr: address, ReadHeaderTimeout: 5 * time.Second}
	exitOn(server.ListenAndServe(), "the health endpoint")
}

func exitOn(err error, what string) {
	if err != nil {
		klog.ErrorS(err, "cannot go on", "with", what)
		os.Exit(1)
	}
}
