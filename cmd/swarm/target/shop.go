package target

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Item is one thing of the catalogue.
type Item struct {
	ID    int     `json:"id"`
	Name  string  `json:"name"`
	Price float64 `json:"price"`
	Stock int     `json:"stock"`
}

// catalogue is what GET /items lists.
func catalogue() []Item {
	names := []string{
		"apple", "bread", "butter", "carrot", "cheese", "coffee", "flour", "grapes", "honey", "jam",
		"leek", "milk", "noodles", "onion", "pepper", "rice", "salt", "tea", "vinegar", "yeast",
	}
	items := make([]Item, len(names))
	for i, name := range names {
		items[i] = Item{ID: i + 1, Name: name, Price: float64(100+37*i%900) / 100, Stock: 10 + 7*i%50}
	}
	return items
}

// Order is what POST /orders creates.
type Order struct {
	ID       uint64 `json:"id"`
	User     string `json:"user"`
	Item     int    `json:"item"`
	Quantity int    `json:"quantity"`
}

// orderBook keeps the latest orders and forgets the others: a load test must
// not grow it. Safe for concurrent use.
type orderBook struct {
	mu     sync.Mutex
	next   uint64
	latest [256]Order
}

func (b *orderBook) add(o Order) Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	o.ID = b.next
	b.latest[o.ID%uint64(len(b.latest))] = o
	return o
}

// of returns the latest orders of a user, at most 20, newest first.
func (b *orderBook) of(user string) []Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Order{}
	for id := b.next; id > 0 && b.next-id < uint64(len(b.latest)) && len(found) < 20; id-- {
		if o := b.latest[id%uint64(len(b.latest))]; o.User == user {
			found = append(found, o)
		}
	}
	return found
}

func (b *orderBook) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next, b.latest = 0, [256]Order{}
}

// tokens are signed names, so that none has to be remembered.
type tokens struct{ key []byte }

func (t tokens) issue(user string) string {
	return hex.EncodeToString([]byte(user)) + "." + hex.EncodeToString(t.sign(user))
}

// verify returns the user a token was issued to.
func (t tokens) verify(token string) (user string, ok bool) {
	name, signature, ok := cutToken(token)
	if !ok || !hmac.Equal(signature, t.sign(name)) {
		return "", false
	}
	return name, true
}

func (t tokens) sign(user string) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(user))
	return mac.Sum(nil)[:16]
}
