// SPDX-License-Identifier: MIT
// Signatures: published vectors, AlgorithmIdentifiers of RFC 7427 appendix A, and what is refused.
#include "keyd/crypto/key.h"
#include "keyd/crypto/sig.h"
#include "tests/unit/signable.h"
#include "tests/unit/test_crypto_hex.h"
#include "tests/unit/with_crypto.h"

struct sig_vector {
	const char *sig, *spki, *message, *signature;
	const char *private;	/* PKCS#8; where the signature is always the same */
	bool hex;		/* so the message is written */
};

static const struct sig_vector vectors[] = {
	/* RFC 4754 8.1 */
	{ "ecdsa256",
	  "3059301306072a8648ce3d020106082a8648ce3d030107034200042442a5cc0ecd015fa3ca31dc8e2bbc70bf42d60cbc"
	  "a20085e0822cb04235e9706fc98bd7e50211a4a27102fa3549df79ebcb4bf246b80945cddfe7d509bbfd7d",
	  "abc",
	  "cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c066957c86fa3bb4e26cad5bf90b7f81899256ce"
	  "7594bb1ea0c89212748bff3b3d5b0315",
	  NULL, false },
	/* RFC 4754 8.2 */
	{ "ecdsa384",
	  "3076301006072a8648ce3d020106052b810400220362000496281bf8dd5e0525ca049c048d345d3082968d10fedf5c5a"
	  "ca0c64e6465a97ea5ce10c9dfec21797415710721f437922447688ba94708eb6e2e4d59f6ab6d7edff9301d249fe49c3"
	  "3096655f5d502fad3d383b91c5e7edaa2b714cc99d5743ca",
	  "abc",
	  "fb017b914e29149432d8bac29a514640b46f53ddab2c69948084e2930f1c8f7e08e07c9c63f2d21a07dcb56a6af56eb3"
	  "b263a1305e057f984d38726a1b46874109f417bca112674c528262a40a629af1cbb9f516ce0fa7d2ff630863a00e8b9f",
	  NULL, false },
	/* RFC 4754 8.3 */
	{ "ecdsa521",
	  "30819b301006072a8648ce3d020106052b8104002303818600040151518f1af0f563517edd5485190df95a4bf57b5cba"
	  "4cf2a9a3f6474725a35f7afe0a6ddeb8bedbcd6a197e592d40188901cecd650699c9b5e456aea5add19052a8006f3b14"
	  "2ea1bfff7e2837ad44c9e4ff6d2d34c73184bbad90026dd5e6e85317d9df45cad7803c6c20035b2f3ff63aff4e1ba64d"
	  "1c077577da3f4286c58f0aeae643",
	  "abc",
	  "0154fd3836af92d0dca57dd5341d3053988534fde8318fc6aaaab68e2e6f4339b19f2f281a7e0b22c269d93cf8794a92"
	  "78880ed7dbb8d9362caeacee544320552251017705a7030290d1ceb605a9a1bb03ff9cdd521e87a696ec926c8c10c836"
	  "2df4975367101f67d1cf9bccbf2f3d239534fa509e70aac851ae01aac68d62f866472660",
	  NULL, false },
	/* RFC 7520 4.1 */
	{ "rsa-sha256",
	  "30820122300d06092a864886f70d01010105000382010f003082010a02820101009f810fb4038273d02591e4073f31d2"
	  "b6001b82cedb4d92f050165d47cfcab8a3c41cb778ac7553793f8ef975768d1a2374d8712564c3bcd77b9ea434544899"
	  "407cff0099920a931a24c4414852ab29bdb0a95c0653f36c60e60bf90b6258dda56f37047ba5c2d1d029af9c9d40bac7"
	  "aa41c78a0dd1068add699e808fea011ea1441d8a4f7bb4e97be39f55f1ddd44e9c4ba335159703d4d34b603e65147a4f"
	  "23d6d3c0996c75edee846a82d190ae10783c961cf0387aed2106d2d0555b6fd937fad5535387e0ff72ffbe78941402b0"
	  "b822ea2a74b6058c1dabf9b34a76cb63b87faa2c6847b8e2837fff91186e6b1c14911cf989a89092a81ce601ddacd3f9"
	  "cf0203010001",
	  "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
	  "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
	  "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
	  "3118dd925cbbffea133d34b70173f8d6240818a6bcd00d19993b95e4c11a1e8c675b67b9099e4d94ab5a8a7a0598a668"
	  "a5d1ccd4ed94e26c3325d431f7dea2be9f37c6e825208ecf3438bce309c1f810e4a01c00efcd7ce615fe12ce09230983"
	  "2c92b795f5916be5ed2f446796db98bfbe3a8984e1fea1d10faf0136dd6e48d0ab5024c90ede5a004eb1f305b52adf5e"
	  "468e103e871269d9c75c5c67b7c22cf54ce911157478f3d074bb96dc84bf75edf1c88ac368b19d8e5b8fc540216fa2f6"
	  "69789cd54d76a6874653428b510484fe823e66798a277178b8e6439dde9065626eb21678d40c5ffdf7087bcbbd8a91fc"
	  "e28828ade7bbbe36d4e72d7c903aae0e",
	  NULL, false },
	/* RFC 7520 4.2 */
	{ "rsapss-sha384",
	  "30820122300d06092a864886f70d01010105000382010f003082010a02820101009f810fb4038273d02591e4073f31d2"
	  "b6001b82cedb4d92f050165d47cfcab8a3c41cb778ac7553793f8ef975768d1a2374d8712564c3bcd77b9ea434544899"
	  "407cff0099920a931a24c4414852ab29bdb0a95c0653f36c60e60bf90b6258dda56f37047ba5c2d1d029af9c9d40bac7"
	  "aa41c78a0dd1068add699e808fea011ea1441d8a4f7bb4e97be39f55f1ddd44e9c4ba335159703d4d34b603e65147a4f"
	  "23d6d3c0996c75edee846a82d190ae10783c961cf0387aed2106d2d0555b6fd937fad5535387e0ff72ffbe78941402b0"
	  "b822ea2a74b6058c1dabf9b34a76cb63b87faa2c6847b8e2837fff91186e6b1c14911cf989a89092a81ce601ddacd3f9"
	  "cf0203010001",
	  "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
	  "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
	  "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
	  "72edb6781aa46032a02254e9cc35c6bda15fcfa586a33edf50371f4f49243b2e369a2021daac81ce4d7112c9e4d88a4d"
	  "ebeb4f89de95ae494792ab06a83a8709d3fa3bc4d30797430c8b65955a3aff538b3e971b52b8625123316db5d4bddbd6"
	  "5f383e503f1b8a245e40595fcf6f3319656c76234051ff199f23c4815167e38d9974daa254946606aad84577bc3ff8a3"
	  "43ba7c55dcf44d3af151e4f7966f1df6c867af695f253f089948ef000d977b3d8c969f1c044e5ac03cd3d2a2349faba2"
	  "3f568237fdbf8cb01e41396a447b5f6bae1041252614002354a3db0728bbc61a34b9339c6c7e75d1ae8662625401f996"
	  "8f067aa03e227caa3c0d833e5fbd846b",
	  NULL, false },
	/* RFC 8032 7.1 */
	{ "ed25519",
	  "302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	  "\xaf\x82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
	  "4a7c15e9716ed28dc027beceea1ec40a",
	  "302e020100300506032b657004220420c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", false },
	/* RFC 8032 7.4 */
	{ "ed448",
	  "3043300506032b6571033a0043ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb"
	  "00742802b8438ea4cb82169c235160627b4c3a9480",
	  "\x03",
	  "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633"
	  "fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f"
	  "f3348ab21aa4adafd1d234441cf807c03a00",
	  "3047020100300506032b6571043b0439c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463a"
	  "fbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e", false },
	/* Wycheproof, rsa_pss_2048_sha256_mgf1_32, 3 */
	{ "rsapss-sha256",
	  "30820122300d06092a864886f70d01010105000382010f003082010a0282010100a2b451a07d0aa5f96e455671513550"
	  "514a8a5b462ebef717094fa1fee82224e637f9746d3f7cafd31878d80325b6ef5a1700f65903b469429e89d6eac88450"
	  "97b5ab393189db92512ed8a7711a1253facd20f79c15e8247f3d3e42e46e48c98e254a2fe9765313a03eff8f17e1a029"
	  "397a1fa26a8dce26f490ed81299615d9814c22da610428e09c7d9658594266f5c021d0fceca08d945a12be82de4d1ece"
	  "6b4c03145b5d3495d4ed5411eb878daf05fd7afc3e09ada0f1126422f590975a1969816f48698bcbba1b4d9cae79d460"
	  "d8f9f85e7975005d9bc22c4e5ac0f7c1a45d12569a62807d3b9a02e5a530e773066f453d1f5b4c2e9cf7820283f742b9"
	  "d50203010001",
	  "Test",
	  "401eb03cdb47ca88033e3030f6bdecbac8f5c8fc1dd6a13d23d379ed9a2b309891d13d74fea9d21d159b9e6d8f37efa2"
	  "489962e24555f56dd434ff1d31ce4f9f5abd3f22cbea8b691d6a11e44efb83e2bca155e6a164325e0fde2a8865afd5c9"
	  "f51161a9d615f62af7ec2e31b3e5ab649c164490d31d88cfae35b84aea7925690f929a144b6d2f48e8fb894a52deecd1"
	  "b9a6496990c4ecf1588699a42cacd10c53af350514e4291ea9a058e77f101e32c1c0cefa61d945f7bc931f8bd19e7ba3"
	  "169358a60e5a8b0123bc3199b9fdcafe8e519c41ba675491a27b85e44ef2d77277c10fe107293c8290186913bc9a99b6"
	  "40d8da041b64f31eab1d35920985f4a5",
	  NULL, false },
	/* NIST CAVP, FIPS 186-3 SigGen15, 2048 bits, SHA384 */
	{ "rsa-sha384",
	  "30820121300d06092a864886f70d01010105000382010e00308201090282010100a564d3d06be468a46958d56bb4884e"
	  "2c4c28f538b7e15df35330505177789d3e1d792ad7aec7fc80a8cccf7ed4030471100401724bd4636a8a8244180cc655"
	  "e256c00e778efe8bea55ab52d3a557075e35039d687cc0755b939a44a73033a0a6f09d2d6ae7e6593380718be00814d2"
	  "0567b1d7d48b633735e423017ff0a7b406d822f45fbb4d234028ca78abb702b18fcce13d2f69148ef584e9aaf283caab"
	  "38f6946d342d600c6e77b7370a05ff302e5483b0faad3103d0b3e8c9c8e9eca1d4a871bdbd09585eb00dc3a488271cf6"
	  "a3b767e68ea9bd2c83e8c89fd047f17915cf6a4c05bb9222b7e4470df5f3f1a28324c1aafcbb2236d2293041d128b0e1"
	  "5f02021001",
	  "7ff1fbab615bc95c3a4acc20c855d1df643d2503d973042476da54e562cd941930640f2bb3f355bc14d4eb8d216742a0"
	  "e856e69a851ef86c38cbde32bb02395bd245170b23736bbd488eba2d23c1167571a25076a2b46a79e9304b168f05b656"
	  "8c1d7d1458e2f2a9ff019fc8746d37a627a8cc5ed93e4195af92035986dcf44f",
	  "18f57a57bdaa5cde7b1ccc571ae27ec701d800b7fe2fa856b4702343cc728baee8096585cae6b684e177abdf20cffc0a"
	  "2e2d4d52d103d06aa2f43790a63e1fc0c94a1d72aaeef28934d8234be6ac69d503656967ece11e9dc5ad4c7fc6518827"
	  "4ff07660a21ba498556c1d0efc3e381dac279a90bc80c042f868fbcc109e566892495a9217bda692db965970a5128369"
	  "e3727f135397e1d829cbb6b4d5c29d6c2dff1b7f42fa26fa2c1d130f9e29a8e3eca0575d6e9b1f0d558995d170e52f9d"
	  "b3aea4f8fbfb1fdc679e729ea19de8c783179751c912ca81b45fa5d0bbe34a50c9ac2872efe2eeee9b1cfead25d918a4"
	  "a2a5a4438c9aa59a87a5678920c580a4",
	  NULL, true },
	/* NIST CAVP, FIPS 186-3 SigGen15, 2048 bits, SHA512 */
	{ "rsa-sha512",
	  "30820121300d06092a864886f70d01010105000382010e00308201090282010100a564d3d06be468a46958d56bb4884e"
	  "2c4c28f538b7e15df35330505177789d3e1d792ad7aec7fc80a8cccf7ed4030471100401724bd4636a8a8244180cc655"
	  "e256c00e778efe8bea55ab52d3a557075e35039d687cc0755b939a44a73033a0a6f09d2d6ae7e6593380718be00814d2"
	  "0567b1d7d48b633735e423017ff0a7b406d822f45fbb4d234028ca78abb702b18fcce13d2f69148ef584e9aaf283caab"
	  "38f6946d342d600c6e77b7370a05ff302e5483b0faad3103d0b3e8c9c8e9eca1d4a871bdbd09585eb00dc3a488271cf6"
	  "a3b767e68ea9bd2c83e8c89fd047f17915cf6a4c05bb9222b7e4470df5f3f1a28324c1aafcbb2236d2293041d128b0e1"
	  "5f02021001",
	  "8326a2b2ec2f02698180201a8b4f2cc74fdb3cbf36fe90cd2b011aaf45b53dc9a6bfd61ba33479712566fdd94efd3a5a"
	  "604911e3dbd6ad82e64109d6f04bb2c7972ccf74c92a5e6d2969c023b405789da45e306c94b3fce0e6f3e37c62cf9ca8"
	  "1f1495a6a7383ac7563273df038f6ef6e3c3a040a9bd0650f2beb188e16a81d4",
	  "16a2b02fe235b63a8b2ac07af130f60cf44f7f608b78295d2f0964a6de0974eb082ff628c8bfc122293fe39ca8336c61"
	  "710f71007e55ba792958fd71924d2bc6194b301792ec276b6dbe44d5f82cc55699a9966129d3f6920b6f99aac03ccc28"
	  "816925c791c3319b2a0847e000e7bd9c6eb5bb29ff06badfc7848e66f57eeb19a758300a3cf4ee905f641bf65415dbab"
	  "47c3773557f83b7ca3e4ac8a5eed698d4ea6795f42e50aff41fdbbbc96ee636ca2eac0046f0e986e975f6d3294cda853"
	  "81155e5ecf9a8148756d4a3e2fb43cf45049bd7cc54a9cefb9276ffdaa11a12de93d2c1da4035a34cd4fc75fc526f391"
	  "2e592078f8abc510829df8ff84c524de",
	  NULL, true },
	/* NIST CAVP, FIPS 186-3 SigGen15, 2048 bits, SHA1 */
	{ "rsa-sha1",
	  "30820121300d06092a864886f70d01010105000382010e00308201090282010100a564d3d06be468a46958d56bb4884e"
	  "2c4c28f538b7e15df35330505177789d3e1d792ad7aec7fc80a8cccf7ed4030471100401724bd4636a8a8244180cc655"
	  "e256c00e778efe8bea55ab52d3a557075e35039d687cc0755b939a44a73033a0a6f09d2d6ae7e6593380718be00814d2"
	  "0567b1d7d48b633735e423017ff0a7b406d822f45fbb4d234028ca78abb702b18fcce13d2f69148ef584e9aaf283caab"
	  "38f6946d342d600c6e77b7370a05ff302e5483b0faad3103d0b3e8c9c8e9eca1d4a871bdbd09585eb00dc3a488271cf6"
	  "a3b767e68ea9bd2c83e8c89fd047f17915cf6a4c05bb9222b7e4470df5f3f1a28324c1aafcbb2236d2293041d128b0e1"
	  "5f02021001",
	  "f6c5f5fec6b7324a1b4ef0cba4ca7b6e2e1130ed1a548f950ff0924cec923dd2019f77477ed318ee2b2843305af9f6e4"
	  "1b67dfcdaefc72643e8e38d8cc666a5469a2be80a8d8814a53fce6e65d849e1318c9a8a1a8b16b30b88b023a6b3ad754"
	  "959673b02c0f94e7f99480f593b39a858e013370f0bca280e4af9779b356ac5a",
	  "712c32aa0d46b4fad294704103fbe3519640f3efcf168eadf265f61bf9f7976d8c11ba3d85dd4e3bb0cdd6c15c2fc652"
	  "0adf1deadbcdd735a9f0f5f90ba51c9177cbe8c0df1219db3afb8dfe7f3a0c5e1b3b9a7c0bcf017b0d16037f5ae1a85b"
	  "3eff591b5a2f2deef7cf5a79deed928675e35d546504ebfab57b60aedf8c7cd7fe5cd7efc9f8a00c7f3f4a3981031818"
	  "01089974ca38ea585a0eebe3d84b6454dd9f880daae2181157a5f76f34ee30fe396fa0ab396b886310769d6d77348786"
	  "5c9ba23db777a596b696486e875d2b4e07131d5276b788de62e439768ad308c3120975cdfd6f186202d36313ef194dba"
	  "99a366c08196b8228c9bb69a2a5abcd6",
	  NULL, true },
	/* NIST CAVP, FIPS 186-3 ECDSA SigGen, P-256, SHA-256 */
	{ "ecdsa-sha256",
	  "3059301306072a8648ce3d020106082a8648ce3d030107034200041ccbe91c075fc7f4f033bfa248db8fccd3565de94b"
	  "bfb12f3c59ff46c271bf83ce4014c68811f9a21a1fdb2c0e6113e06db7ca93b7404e78dc7ccd5ca89a4ca9",
	  "5905238877c77421f73e43ee3da6f2d9e2ccad5fc942dcec0cbd25482935faaf416983fe165b1a045ee2bcd2e6dca3bd"
	  "f46c4310a7461f9a37960ca672d3feb5473e253605fb1ddfd28065b53cb5858a8ad28175bf9bd386a5e471ea7a65c17c"
	  "c934a9d791e91491eb3754d03799790fe2d308d16146d5c9b0d0debd97d79ce8",
	  "3046022100f3ac8061b514795b8843e3d6629527ed2afd6b1f6a555a7acabb5e6f79c8c2ac0221008bf77819ca05a6b2"
	  "786c76262bf7371cef97b218e96f175a3ccdda2acc058903",
	  NULL, true },
	/* NIST CAVP, FIPS 186-3 ECDSA SigGen, P-384, SHA-384 */
	{ "ecdsa-sha384",
	  "3076301006072a8648ce3d020106052b8104002203620004c2b47944fb5de342d03285880177ca5f7d0f2fcad7678cce"
	  "4229d6e1932fcac11bfc3c3e97d942a3c56bf34123013dbf37257906a8223866eda0743c519616a76a758ae58aee81c5"
	  "fd35fbf3a855b7754a36d4a0672df95d6c44a81cf7620c2d",
	  "6b45d88037392e1371d9fd1cd174e9c1838d11c3d6133dc17e65fa0c485dcca9f52d41b60161246039e42ec784d49400"
	  "bffdb51459f5de654091301a09378f93464d52118b48d44b30d781eb1dbed09da11fb4c818dbd442d161aba4b9edc79f"
	  "05e4b7e401651395b53bd8b5bd3f2aaa6a00877fa9b45cadb8e648550b4c6cbe",
	  "3064023050835a9251bad008106177ef004b091a1e4235cd0da84fff54542b0ed755c1d6f251609d14ecf18f9e1ddfe6"
	  "9b946e3202300475f3d30c6463b646e8d3bf2455830314611cbde404be518b14464fdb195fdcc92eb222e61f426a4a59"
	  "2c00a6a89721",
	  NULL, true },
	/* NIST CAVP, FIPS 186-3 ECDSA SigGen, P-521, SHA-512 */
	{ "ecdsa-sha512",
	  "30819b301006072a8648ce3d020106052b8104002303818600040061387fd6b95914e885f912edfbb5fb274655027f21"
	  "6c4091ca83e19336740fd81aedfe047f51b42bdf68161121013e0d55b117a14e4303f926c8debb77a7fdaad100e7d0c7"
	  "5c38626e895ca21526b9f9fdf84dcecb93f2b233390550d2b1463b7ee3f58df7346435ff0434199583c97c665a97f12f"
	  "706f2357da4b40288def888e59e6",
	  "9ecd500c60e701404922e58ab20cc002651fdee7cbc9336adda33e4c1088fab1964ecb7904dc6856865d6c8e15041ccf"
	  "2d5ac302e99d346ff2f686531d25521678d4fd3f76bbf2c893d246cb4d7693792fe18172108146853103a51f824acc62"
	  "1cb7311d2463c3361ea707254f2b052bc22cb8012873dcbb95bf1a5cc53ab89f",
	  "30818702414de826ea704ad10bc0f7538af8a3843f284f55c8b946af9235af5af74f2b76e099e4bc72fd79d28a380f8d"
	  "4b4c919ac290d248c37983ba05aea42e2dd79fdd33e802420087488c859a96fea266ea13bf6d114c429b163be97a5755"
	  "9086edb64aed4a18594b46fb9efc7fd25d8b2de8f09ca0587f54bd287299f47b2ff124aac566e8ee3b43",
	  NULL, true },
	/* NIST CAVP, FIPS 186-3 ECDSA SigGen, P-256, SHA-512 */
	{ "ecdsa-sha512",
	  "3059301306072a8648ce3d020106082a8648ce3d030107034200046b738de3398b6ac57b9591f9d7985dd4f32137ad34"
	  "60dcf8970c1390cb9eaf8d83bc61e26d2bbbd3cf2d2ab445a2bc4ab5dde41f4a13078fd1d3cc36ab596d57",
	  "6c8572b6a3a4a9e8e03dbeed99334d41661b8a8417074f335ab1845f6cc852adb8c01d9820fcf8e10699cc827a8fbdca"
	  "2cbd46cc66e4e6b7ba41ec3efa733587e4a30ec552cd8ddab8163e148e50f4d090782897f3ddac84a41e1fcfe8c56b61"
	  "52c0097b0d634b41011471ffd004f43eb4aafc038197ec6bae2b4470e869bded",
	  "30440220275fa760878b4dc05e9d157fedfd8e9b1c9c861222a712748cb4b7754c043fb10220699d906bb8435a05345a"
	  "f3b37e3b357786939e94caae257852f0503adb1e0f7e",
	  NULL, true },
	/* IKEv1's RSA: PKCS#1 v1.5 over SHA-1("abc") without a DigestInfo. By Python's pow(), and the same by "openssl pkeyutl -sign". */
	{ "ikev1-rsa",
	  "30819f300d06092a864886f70d010101050003818d00308189028181009804b58f253dd8152d30ab4897408dbb8c4bc8"
	  "3adb7b1368be0294705864ea6d76f1b8608c1e12179773a06c4120fe34a62464adf7f55784cd5f435ba0658ad932a852"
	  "22c569565ed71ac549e85d1eb339e2282ac43b694644d2f1d202051b563dcf3e422def4bbf484647d49fb45d5f66dcb0"
	  "e82ae6c4af47227e607fe769cb0203010001",
	  "a9993e364706816aba3e25717850c26c9cd0d89d",
	  "3eb1a42f76e09ca6a612b00137cb4ff13fc622b40b6d57ef75e20839cc5e45ba8974775b255293b663ef6503b920bdd1"
	  "1189bab2785f2d33886924a425eb61271289b50a38cb1468df1645051402930f496ee57dde6e99d4b117edfb608ade08"
	  "e77543fcffba471d27695635c16ac000065f5763bbe395303b346103b5c0dbb5",
	  "30820275020100300d06092a864886f70d01010105000482025f3082025b020100028181009804b58f253dd8152d30ab"
	  "4897408dbb8c4bc83adb7b1368be0294705864ea6d76f1b8608c1e12179773a06c4120fe34a62464adf7f55784cd5f43"
	  "5ba0658ad932a85222c569565ed71ac549e85d1eb339e2282ac43b694644d2f1d202051b563dcf3e422def4bbf484647"
	  "d49fb45d5f66dcb0e82ae6c4af47227e607fe769cb020301000102818040e779d1151873828f19c177abc44eff2d2649"
	  "e5ff416c0703613c993ed44f56cf3ae2faadb84507378d9187c6c2dc66042d73a2e74423caba989abcab1dcf8ac5e54b"
	  "06848928d99707c812a79238e467736b0636b3559da55c66c683e07f7dcd53cacb7f4412c25f22c7b800054e4aec47d3"
	  "76abda295b819e026e2a344679024100c6fc86b8577b1cadcebda77dc116373679261aabb6aedc4b4b1ddec192ac5e46"
	  "f033b0c3c2528acfac92fda07cecb1a35715a96009057de332cfe615123d9295024100c3931ecafbc7d76c787dc4ba32"
	  "72f89720616af06739206af120044303a01b649eae63b76fd0cfc58d0873605fbcc57cb55054effd596b8fa8c09a52fa"
	  "cd52df0240132d4b1e80efd077bfb0ef6f63286cf1c7033116d3684ebac2e6820d4dc166e49749a40379bad2bde8f7d1"
	  "91a1f87db62c325e3c6f22245bbd0de432abab5b71024001419fb004200b8539dcecf7993d5dd572b2cd820fd7b11a9e"
	  "c3eae31751defb2d7dc74c355ead0702d9ec0bd1719fff26170704a7a6fc66e6d99de42c92471702404b6f80ef6fb5da"
	  "46be88c23d5128c623e733e6f27ed0463d80f9d2125c054dea7329d0b4f2b23884b0b885c49457f0ad5ae89fb72e0c67"
	  "dfa235986cab5518d9", true },
	/* RFC 4754 8.1, as IKEv1 has it: the hash of "abc" is what is signed */
	{ "ikev1-ecdsa256",
	  "3059301306072a8648ce3d020106082a8648ce3d030107034200042442a5cc0ecd015fa3ca31dc8e2bbc70bf42d60cbc"
	  "a20085e0822cb04235e9706fc98bd7e50211a4a27102fa3549df79ebcb4bf246b80945cddfe7d509bbfd7d",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c066957c86fa3bb4e26cad5bf90b7f81899256ce"
	  "7594bb1ea0c89212748bff3b3d5b0315",
	  NULL, true },
	/* RFC 4754 8.2, as IKEv1 has it: the hash of "abc" is what is signed */
	{ "ikev1-ecdsa384",
	  "3076301006072a8648ce3d020106052b810400220362000496281bf8dd5e0525ca049c048d345d3082968d10fedf5c5a"
	  "ca0c64e6465a97ea5ce10c9dfec21797415710721f437922447688ba94708eb6e2e4d59f6ab6d7edff9301d249fe49c3"
	  "3096655f5d502fad3d383b91c5e7edaa2b714cc99d5743ca",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
	  "fb017b914e29149432d8bac29a514640b46f53ddab2c69948084e2930f1c8f7e08e07c9c63f2d21a07dcb56a6af56eb3"
	  "b263a1305e057f984d38726a1b46874109f417bca112674c528262a40a629af1cbb9f516ce0fa7d2ff630863a00e8b9f",
	  NULL, true },
	/* RFC 4754 8.3, as IKEv1 has it: the hash of "abc" is what is signed */
	{ "ikev1-ecdsa521",
	  "30819b301006072a8648ce3d020106052b8104002303818600040151518f1af0f563517edd5485190df95a4bf57b5cba"
	  "4cf2a9a3f6474725a35f7afe0a6ddeb8bedbcd6a197e592d40188901cecd650699c9b5e456aea5add19052a8006f3b14"
	  "2ea1bfff7e2837ad44c9e4ff6d2d34c73184bbad90026dd5e6e85317d9df45cad7803c6c20035b2f3ff63aff4e1ba64d"
	  "1c077577da3f4286c58f0aeae643",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
	  "454d4423643ce80e2a9ac94fa54ca49f",
	  "0154fd3836af92d0dca57dd5341d3053988534fde8318fc6aaaab68e2e6f4339b19f2f281a7e0b22c269d93cf8794a92"
	  "78880ed7dbb8d9362caeacee544320552251017705a7030290d1ceb605a9a1bb03ff9cdd521e87a696ec926c8c10c836"
	  "2df4975367101f67d1cf9bccbf2f3d239534fa509e70aac851ae01aac68d62f866472660",
	  NULL, true },
};

/* RFC 7427 appendix A: A.1.1 to A.1.4, A.3.2 to A.3.4, A.4.3; RFC 8420 A.1, A.2 */
static const struct {
	const char *sig, *algid;
} algids[] = {
	{ "rsa-sha1", "300d06092a864886f70d0101050500" },
	{ "rsa-sha256", "300d06092a864886f70d01010b0500" },
	{ "rsa-sha384", "300d06092a864886f70d01010c0500" },
	{ "rsa-sha512", "300d06092a864886f70d01010d0500" },
	{ "ecdsa-sha256", "300a06082a8648ce3d040302" },
	{ "ecdsa-sha384", "300a06082a8648ce3d040303" },
	{ "ecdsa-sha512", "300a06082a8648ce3d040304" },
	{ "rsapss-sha256", "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
	  "300d06096086480165030402010500a203020120" },
	{ "ed25519", "300506032b6570" },
	{ "ed448", "300506032b6571" },
	/* The same with the NULL of the hashes left away, and the trailer field's default written out. */
	{ "rsapss-sha256", "303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108"
	  "300b0609608648016503040201a203020120" },
	{ "rsa-sha256", "300b06092a864886f70d01010b" },
};

/* Well formed, and no scheme: salt of 20, MGF1 with another hash, defaults of SHA-1, other algorithms, parameters where none belong. */
static const char *const unknown_algids[] = {
	"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
	"300d06096086480165030402010500a203020114",
	"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
	"300d06096086480165030402020500a203020120",
	"300d06092a864886f70d01010a3000",
	"300b06092a864886f70d01010a",
	"300d06092a864886f70d0101040500",
	"300a06082a864886f70d0205",
	"300c06082a8648ce3d0403020101ff",
	"",
	"00",
};

static struct crypto_key *public_key(const char *spki)
{
	struct bytes der = hex(spki);
	struct crypto_key *k = NULL;

	assert_int_equal(crypto_key_from_spki(&k, view_of(&der)), 0);
	return k;
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const struct sig_vector *v = &vectors[i];
		const struct crypto_sig *s = crypto_sig_by_name(v->sig);
		struct crypto_key *k = public_key(v->spki);
		struct bytes sig = hex(v->signature);
		struct bytes b = v->hex ? hex(v->message) : (struct bytes){ .n = 0 };
		struct view all = v->hex ? view_of(&b) : text(v->message);
		struct view parts[] = { { all.p, all.n / 2 }, { all.p + all.n / 2, all.n - all.n / 2 } };

		assert_non_null(s);
		assert_int_equal(crypto_sig_check(s, k, parts, 2, view_of(&sig)), 0);
		/* Any bit of it, a byte less, a byte more, another message. */
		for (size_t bit = 0; bit < 8 * sig.n; bit += 37) {
			sig.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(crypto_sig_check(s, k, parts, 2, view_of(&sig)), -1);
			sig.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(crypto_sig_check(s, k, parts, 2, (struct view){ sig.p, sig.n - 1 }), -1);
		assert_int_equal(crypto_sig_check(s, k, parts, 2, (struct view){ sig.p, sig.n + 1 }), -1);
		assert_int_equal(crypto_sig_check(s, k, parts, 2, (struct view){ sig.p, 0 }), -1);
		assert_int_equal(crypto_sig_check(s, k, parts, 1, view_of(&sig)), -1);
		crypto_key_free(k);
	}
}

static void test_deterministic(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const struct sig_vector *v = &vectors[i];
		const struct crypto_sig *s = crypto_sig_by_name(v->sig);
		uint8_t out[CRYPTO_SIG_MAX];
		struct bytes b = v->hex ? hex(v->message) : (struct bytes){ .n = 0 };
		struct view message = v->hex ? view_of(&b) : text(v->message);
		struct crypto_key *k = NULL;
		size_t n = sizeof(out);
		struct bytes der;

		if (!v->private)
			continue;
		der = hex(v->private);
		assert_int_equal(crypto_key_from_private(&k, view_of(&der), (struct view){ 0 }), 0);
		assert_int_equal(crypto_sig_make(s, k, &message, 1, out, &n), 0);
		assert_hex(out, n, v->signature);
		crypto_key_free(k);
	}
}

static void test_algids(void **state)
{
	const struct crypto_sig *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(algids) / sizeof(*algids); i++) {
		struct bytes b = hex(algids[i].algid);
		uint8_t more[sizeof(b.p)];

		s = crypto_sig_by_algid(view_of(&b));
		assert_non_null(s);
		assert_string_equal(s->name, algids[i].sig);
		for (size_t n = 0; n < b.n; n++)
			assert_null(crypto_sig_by_algid((struct view){ b.p, n }));
		memcpy(more, b.p, b.n);
		more[b.n] = 0;
		assert_null(crypto_sig_by_algid((struct view){ more, b.n + 1 }));
	}
	for (size_t i = 0; i < sizeof(unknown_algids) / sizeof(*unknown_algids); i++) {
		struct bytes b = hex(unknown_algids[i]);

		assert_null(crypto_sig_by_algid(view_of(&b)));
	}
	/* The table finds itself, by what each scheme is named by on the wire. */
	for (s = NULL; (s = crypto_sig_next(s));) {
		assert_ptr_equal(crypto_sig_by_name(s->name), s);
		assert_ptr_equal(s->algid.n ? crypto_sig_by_algid(s->algid) : s->bare ? crypto_sig_by_ikev1_method(s->method) :
										  crypto_sig_by_method(s->method), s);
		assert_true(!s->algid.n == (s->method != 14));
	}
	/* Published bytes are those that we send. */
	for (size_t i = 0; i < 10; i++)
		assert_hex(crypto_sig_by_name(algids[i].sig)->algid.p, crypto_sig_by_name(algids[i].sig)->algid.n, algids[i].algid);
	assert_null(crypto_sig_by_method(14));
	assert_null(crypto_sig_by_method(2));
	assert_null(crypto_sig_by_method(3));
	assert_null(crypto_sig_by_ikev1_method(1));
	assert_null(crypto_sig_by_ikev1_method(14));
	assert_null(crypto_sig_by_name("dsa"));
}

static const struct {
	enum crypto_key_type type;
	unsigned bits;
	const char *name;
} kinds[] = {
	{ CRYPTO_KEY_RSA, 2048, "RSA-2048" }, { CRYPTO_KEY_EC, 256, "P-256" }, { CRYPTO_KEY_EC, 384, "P-384" },
	{ CRYPTO_KEY_EC, 521, "P-521" }, { CRYPTO_KEY_ED25519, 0, "Ed25519" }, { CRYPTO_KEY_ED448, 0, "Ed448" },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Each scheme with each key: it fits and what was made is true, or it does not and nothing is made. */
static void test_round_trip(void **state)
{
	unsigned fitting = 0;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct secret spki = { 0 }, pem = { 0 };
		struct crypto_key *k, *public, *again;
		char name[32];

		assert_int_equal(crypto_key_generate(&k, kinds[i].type, kinds[i].bits), 0);
		assert_string_equal(crypto_key_name(k, name, sizeof(name)), kinds[i].name);
		assert_int_equal(crypto_key_spki(k, &spki), 0);
		assert_int_equal(crypto_key_from_spki(&public, secret_view(&spki)), 0);
		assert_int_equal(crypto_key_private_pem(k, &pem), 0);
		assert_int_equal(crypto_key_from_private(&again, secret_view(&pem), (struct view){ 0 }), 0);
		assert_true(crypto_key_equal(k, public) && crypto_key_equal(k, again));
		assert_true(crypto_key_is_private(again) && !crypto_key_is_private(public));
		assert_int_equal(crypto_key_private_pem(public, &pem), -1);
		for (const struct crypto_sig *s = NULL; (s = crypto_sig_next(s));) {
			uint8_t sig[CRYPTO_SIG_MAX];
			size_t n = sizeof(sig);
			bool fits = crypto_sig_fits(s, k);
			const struct view whole = signable(s);
			const struct view parts[] = { { whole.p, 8 }, { whole.p + 8, 6 }, { whole.p + 14, whole.n - 14 } };

			assert_int_equal(crypto_sig_make(s, again, parts, 3, sig, &n), fits ? 0 : -1);
			if (!fits)
				continue;
			fitting++;
			assert_int_equal(crypto_sig_check(s, public, &whole, 1, (struct view){ sig, n }), 0);
			n = sizeof(sig);
			assert_int_equal(crypto_sig_make(s, public, parts, 3, sig, &n), -1);
			n = CRYPTO_SIG_MAX - 1;
			assert_int_equal(crypto_sig_make(s, k, parts, 3, sig, &n), -1);
		}
		secret_clear(&spki);
		secret_clear(&pem);
		crypto_key_free(k);
		crypto_key_free(public);
		crypto_key_free(again);
	}
	assert_int_equal(fitting, 9 + 3 * 5 + 2);
}

/* A bare scheme signs hashes only: no DigestInfo (34, 35, 51, 67, 83 bytes), none of TLS 1.0 (36), nothing that is longer. */
static void test_bare_lengths(void **state)
{
	static const uint8_t octets[128];
	uint8_t sig[CRYPTO_SIG_MAX];
	struct crypto_key *k;

	(void)state;
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_RSA, 2048), 0);
	for (size_t len = 0; len <= sizeof(octets); len++) {
		const struct view message = { octets, len };
		bool is_hash = len == 16 || len == 20 || len == 32 || len == 48 || len == 64;
		size_t n = sizeof(sig);

		assert_int_equal(crypto_sig_make(crypto_sig_by_name("ikev1-rsa"), k, &message, 1, sig, &n), is_hash ? 0 : -1);
		assert_int_equal(crypto_sig_takes_hash(crypto_sig_by_name("ikev1-ecdsa384"), len), len == 48);
	}
	crypto_key_free(k);
}

static void test_keys_refused(void **state)
{
	struct bytes rsa = hex(vectors[3].spki), ed = hex(vectors[5].spki);
	/* Keys, but none that signs for us: X25519, P-224. */
	struct bytes x25519 = hex("302a300506032b656e032100e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
	struct bytes p224 = hex("304e301006072a8648ce3d020106052b81040021033a00049387e31fbc2d7de2ccf322b52fa8302dc2541e3969f08821"
				"27523ab9023ca8b11ba8b7cdf7633a7526e298729dd7f1afa2a7f42e94c99104");
	struct crypto_key *k = NULL;
	uint8_t longer[sizeof(ed.p)];

	(void)state;
	for (size_t n = 0; n < rsa.n; n++)
		assert_int_equal(crypto_key_from_spki(&k, (struct view){ rsa.p, n }), CRYPTO_KEY_MALFORMED);
	memcpy(longer, ed.p, ed.n);
	longer[ed.n] = 0;
	assert_int_equal(crypto_key_from_spki(&k, (struct view){ longer, ed.n + 1 }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_from_spki(&k, view_of(&x25519)), CRYPTO_KEY_UNSUPPORTED);
	assert_int_equal(crypto_key_from_spki(&k, view_of(&p224)), CRYPTO_KEY_UNSUPPORTED);
	assert_int_equal(crypto_key_from_private(&k, view_of(&rsa), (struct view){ 0 }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_from_private(&k, text("-----BEGIN PRIVATE KEY-----\n"), (struct view){ 0 }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_RSA, 1024), CRYPTO_KEY_UNSUPPORTED);
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_EC, 224), CRYPTO_KEY_UNSUPPORTED);
	assert_null(k);
	assert_string_equal(crypto_key_strerror(CRYPTO_KEY_UNSUPPORTED), "keys of this type or length are not supported");
	assert_string_equal(crypto_key_strerror(-99), "unknown error");
}

/* Made by "openssl genpkey -algorithm ed25519 -aes256 -pass pass:sesame". */
static const char encrypted[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhgaCYXxPVOkwICCAAw\n"
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGIYhQdwqtI2LHuBe1zOiM4EQFlU\n"
	"5oTbhis7wpohSxV9TcZGgJ14vsElYWMh1Wa/Y1Luc0MbCQOat911c+couoyXohPB\n"
	"qgsGv7T1dohT9q79e3Y=\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

/* For a curve a hash as long as it is, and a shorter one only if there is no other. */
static void test_good(void **state)
{
	uint32_t all = UINT32_MAX, good, sha256 = 0;
	struct crypto_key *k = NULL;
	const struct crypto_sig *s = NULL;

	(void)state;
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_EC, 384), 0);
	good = crypto_sig_good(k, all);
	for (uint32_t bit = 1; (s = crypto_sig_next(s)); bit <<= 1) {
		assert_int_equal(!!(good & bit), crypto_sig_fits(s, k) && s->hash >= 3);
		if (!strcmp(s->name, "ecdsa-sha256"))
			sha256 = bit;
	}
	assert_true(good && sha256);
	assert_int_equal(crypto_sig_good(k, sha256), sha256);
	assert_int_equal(crypto_sig_good(k, 0), 0);
	crypto_key_free(k);
}

static void test_passphrase(void **state)
{
	struct crypto_key *k = NULL;

	(void)state;
	assert_int_equal(crypto_key_from_private(&k, text(encrypted), (struct view){ 0 }), CRYPTO_KEY_PASSPHRASE);
	assert_int_equal(crypto_key_from_private(&k, text(encrypted), text("sesam")), CRYPTO_KEY_PASSPHRASE);
	assert_int_equal(crypto_key_from_private(&k, text(encrypted), text("sesame")), 0);
	assert_int_equal(crypto_key_type(k), CRYPTO_KEY_ED25519);
	assert_int_equal(crypto_key_bits(k), 256);
	crypto_key_free(k);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_deterministic), cmocka_unit_test(test_algids),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bare_lengths),
		cmocka_unit_test(test_keys_refused), cmocka_unit_test(test_passphrase), cmocka_unit_test(test_good),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
