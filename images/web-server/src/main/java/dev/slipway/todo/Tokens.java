package dev.slipway.todo;

import com.auth0.jwt.JWT;
import com.auth0.jwt.JWTVerifier;
import com.auth0.jwt.algorithms.Algorithm;
import com.auth0.jwt.exceptions.JWTVerificationException;
import com.auth0.jwt.interfaces.DecodedJWT;

/** Checks the JSON web tokens that auth issues: signed with HMAC-SHA-256 and with nothing else (RFC 8725, 3.1). */
final class Tokens {
    private static final String ISSUER = "auth";

    private final JWTVerifier verifier;

    Tokens(byte[] key) {
        verifier = JWT.require(Algorithm.HMAC256(key))
                .withIssuer(ISSUER)
                .withClaimPresence("exp")
                .withClaimPresence("sub")
                .build();
    }

    /**
     * The user whom an Authorization header names.
     *
     * @param header the header's value, or null.
     * @throws Refusal 401 if there is no token, or it is malformed, forged, expired or another issuer's.
     */
    String user(String header) throws Refusal {
        String[] parts = header == null ? new String[0] : header.strip().split("\\s+", 2);
        if (parts.length != 2 || !parts[0].equalsIgnoreCase("bearer")) {
            throw new Refusal(401, "no token: send Authorization: Bearer with one from POST /api/signin");
        }
        DecodedJWT token;
        try {
            token = verifier.verify(parts[1]);
        } catch (JWTVerificationException wrong) {
            throw new Refusal(401, "the token is not valid: " + wrong.getMessage());
        }
        // RFC 7515, 4.1.11: extensions that must be understood; none is.
        if (!token.getHeaderClaim("crit").isMissing()) {
            throw new Refusal(401, "the token is not valid: it wants extensions");
        }
        return token.getSubject();
    }
}
