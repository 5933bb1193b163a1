// Dex, an OpenID provider that others wrote, on a port of loopback and with everything in memory: its own server, one client, one person.
// Whoever asks is logged in as that person by Dex's own mock connector, without a page. Prints the issuer's URL; ends when standard input does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	gosundheit "github.com/AppsFlyer/go-sundheit"
	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/oauth2"
	"github.com/dexidp/dex/server/session"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/prometheus/client_golang/prometheus"
)

func run(ctx context.Context, logout, redirect string) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := fmt.Sprintf("http://%s/dex", listener.Addr())
	store := memory.New(logger)
	clients := []storage.Client{
		{ID: "cli", Public: true, RedirectURIs: []string{redirect}, PostLogoutRedirectURIs: []string{redirect}, BackchannelLogoutURI: logout},
		// Whose audience a token of the first one may have.
		{ID: "sealwright", Secret: "unused", TrustedPeers: []string{"cli"}},
	}
	for _, client := range clients {
		if err := store.CreateClient(ctx, client); err != nil {
			return err
		}
	}
	if err := store.CreateConnector(ctx, storage.Connector{ID: "mock", Type: "mockCallback", Name: "mock", ResourceVersion: "1"}); err != nil {
		return err
	}
	signing, err := (&signer.LocalConfig{KeysRotationPeriod: "6h", Algorithm: "ES256"}).Open(ctx, store, time.Hour, time.Now, logger)
	if err != nil {
		return err
	}
	dex, err := server.NewServer(ctx, server.Config{
		Issuer:             issuer,
		Storage:            store,
		AllowedGrantTypes:  []string{oauth2.GrantTypeAuthorizationCode},
		SkipApprovalScreen: true,
		IDTokensValidFor:   time.Hour,
		Web:                server.WebConfig{WebFS: web.FS()},
		Logger:             logger,
		Signer:             signing,
		PrometheusRegistry: prometheus.NewRegistry(),
		HealthChecker:      gosundheit.New(),
		RefreshTokenPolicy: tokens.NewRefreshStrategy(true, 0, 0, 0, time.Now),
		SessionConfig:      &session.Config{CookieName: "dex_session", AbsoluteLifetime: time.Hour, ValidIfNotUsedFor: time.Hour},
	})
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(issuer)
	return http.Serve(listener, dex)
}

func main() {
	logout := flag.String("logout", "", "where logout tokens are sent")
	redirect := flag.String("redirect", "", "where a browser is sent back to")
	flag.Parse()
	if err := run(context.Background(), *logout, *redirect); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
