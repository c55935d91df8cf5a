// Command go-grpc is a gRPC server that listens on $PORT.
package main

import (
	"cmp"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"

	"example.com/go-grpc/greeter"
)

func main() {
	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&greeter.Desc, &greeter.Server{Gone: make(chan string)})
	log.Fatal(server.Serve(listener))
}
