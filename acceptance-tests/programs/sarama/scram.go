package main

import (
	"crypto/sha512"
	"hash"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// login is the side of SCRAM that sarama leaves to its users.
type login struct {
	*scram.ClientConversation
}

func newLogin() sarama.SCRAMClient {
	return &login{}
}

// Begin is called at the start of every conversation.
func (l *login) Begin(user, password, authorization string) error {
	client, err := scram.HashGeneratorFcn(func() hash.Hash { return sha512.New() }).NewClient(user, password, authorization)
	if err != nil {
		return err
	}
	l.ClientConversation = client.NewConversation()
	return nil
}
