// Makes values with go-cty, which is what Terraform and OpenTofu have their values from, and looks whether they have come back.
//
//	go-cty make SEED COUNT   prints a line a value: its type and its bytes, with its JSON where it has one
//	go-cty check SEED COUNT  reads a line a value, its bytes, and fails where one is not the value that was made
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"github.com/zclconf/go-cty/cty/msgpack"
)

const depthMax = 3

func main() {
	if len(os.Args) != 4 {
		fail("usage: go-cty make|check SEED COUNT")
	}
	seed, err := strconv.ParseUint(os.Args[2], 10, 64)
	must(err)
	count, err := strconv.Atoi(os.Args[3])
	must(err)
	random := rand.New(rand.NewPCG(seed, 0))
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<24)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for number := range count {
		of := aType(random, depthMax)
		value := aValue(random, of, true)
		if os.Args[1] == "make" {
			printLine(output, of, value)
			continue
		}
		if !input.Scan() {
			fail(fmt.Sprintf("value %d is missing", number))
		}
		bytes, err := base64.StdEncoding.DecodeString(input.Text())
		must(err)
		back, err := msgpack.Unmarshal(bytes, of)
		if err != nil || !back.RawEquals(value) {
			fail(fmt.Sprintf("value %d of type %#v\nwas     %#v\nbecame  %#v (%v)", number, of, value, back, err))
		}
	}
}

func printLine(output *bufio.Writer, of cty.Type, value cty.Value) {
	bytes, err := msgpack.Marshal(value, of)
	must(err)
	typeJSON, err := ctyjson.MarshalType(of)
	must(err)
	line := map[string]any{"type": json.RawMessage(typeJSON), "msgpack": bytes}
	if value.IsWhollyKnown() {
		stored, err := ctyjson.Marshal(value, of)
		must(err)
		line["json"] = json.RawMessage(stored)
	}
	text, err := json.Marshal(line)
	must(err)
	fmt.Fprintf(output, "%s\n", text)
}

func aType(random *rand.Rand, depth int) cty.Type {
	kinds := 9
	if depth == 0 {
		kinds = 4
	}
	switch random.IntN(kinds) {
	case 0:
		return cty.String
	case 1:
		return cty.Number
	case 2:
		return cty.Bool
	case 3:
		return cty.DynamicPseudoType
	case 4:
		return cty.List(known(random, depth-1))
	case 5:
		return cty.Set(known(random, depth-1))
	case 6:
		return cty.Map(known(random, depth-1))
	case 7:
		attributes := map[string]cty.Type{}
		for range random.IntN(4) {
			attributes[text(random)] = aType(random, depth-1)
		}
		return cty.Object(attributes)
	default:
		elements := make([]cty.Type, random.IntN(4))
		for index := range elements {
			elements[index] = aType(random, depth-1)
		}
		return cty.Tuple(elements)
	}
}

// Elements of a collection have one type, so none may bring its own.
func known(random *rand.Rand, depth int) cty.Type {
	for {
		of := aType(random, depth)
		if !of.HasDynamicTypes() {
			return of
		}
	}
}

func aValue(random *rand.Rand, of cty.Type, unknowns bool) cty.Value {
	if of == cty.DynamicPseudoType {
		if unknowns && random.IntN(8) == 0 {
			return cty.DynamicVal
		}
		return aValue(random, known(random, 1), unknowns)
	}
	if random.IntN(8) == 0 {
		return cty.NullVal(of)
	}
	if unknowns && random.IntN(8) == 0 {
		return refined(random, of)
	}
	switch {
	case of == cty.String:
		return cty.StringVal(text(random))
	case of == cty.Number:
		return number(random)
	case of == cty.Bool:
		return cty.BoolVal(random.IntN(2) == 0)
	case of.IsListType():
		return collection(random, of, unknowns, cty.ListValEmpty, cty.ListVal)
	case of.IsSetType():
		// What is unknown in a set makes its length unknown.
		return collection(random, of, false, cty.SetValEmpty, cty.SetVal)
	case of.IsMapType():
		elements := map[string]cty.Value{}
		for range random.IntN(4) {
			elements[text(random)] = aValue(random, of.ElementType(), unknowns)
		}
		if len(elements) == 0 {
			return cty.MapValEmpty(of.ElementType())
		}
		return cty.MapVal(elements)
	case of.IsObjectType():
		attributes := map[string]cty.Value{}
		for _, name := range sorted(of.AttributeTypes()) {
			attributes[name] = aValue(random, of.AttributeType(name), unknowns)
		}
		return cty.ObjectVal(attributes)
	default:
		elements := make([]cty.Value, len(of.TupleElementTypes()))
		for index, element := range of.TupleElementTypes() {
			elements[index] = aValue(random, element, unknowns)
		}
		return cty.TupleVal(elements)
	}
}

func collection(random *rand.Rand, of cty.Type, unknowns bool, empty func(cty.Type) cty.Value, full func([]cty.Value) cty.Value) cty.Value {
	elements := make([]cty.Value, random.IntN(4))
	for index := range elements {
		elements[index] = aValue(random, of.ElementType(), unknowns)
	}
	if len(elements) == 0 {
		return empty(of.ElementType())
	}
	return full(elements)
}

func refined(random *rand.Rand, of cty.Type) cty.Value {
	value := cty.UnknownVal(of)
	switch random.IntN(3) {
	case 0:
		return value
	case 1:
		return value.RefineNotNull()
	}
	switch {
	case of == cty.String:
		return value.Refine().NotNull().StringPrefixFull("arn:aws:").NewValue()
	case of.IsListType() || of.IsSetType() || of.IsMapType():
		return value.Refine().NotNull().CollectionLengthLowerBound(1).CollectionLengthUpperBound(5).NewValue()
	}
	return value
}

var texts = []string{"", "a", "orders", "Ünïcödé", "日本", "quote\"d", "line\nbreak", "\u0000", "𝄞 clef", "a b", "null", "0"}

func text(random *rand.Rand) string {
	if random.IntN(4) == 0 {
		return fmt.Sprintf("n%d", random.IntN(1000))
	}
	return texts[random.IntN(len(texts))]
}

func number(random *rand.Rand) cty.Value {
	switch random.IntN(6) {
	case 0:
		return cty.NumberIntVal(random.Int64N(512) - 256)
	case 1:
		return cty.NumberIntVal(random.Int64() - random.Int64())
	case 2:
		return cty.NumberUIntVal(random.Uint64())
	case 3:
		return cty.NumberFloatVal(random.NormFloat64())
	case 4:
		huge := new(big.Int).Exp(big.NewInt(7), big.NewInt(int64(random.IntN(150))), nil)
		return cty.NumberVal(new(big.Float).SetPrec(512).SetInt(huge))
	default:
		return cty.MustParseNumberVal(fmt.Sprintf("%d.%d", random.IntN(1000), random.IntN(1000000)))
	}
}

func sorted(types map[string]cty.Type) []string {
	names := slices.Collect(maps.Keys(types))
	slices.Sort(names)
	return names
}

func must(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
